"""`trunkline runs show` and `trunkline runs dead`: everything about a run, a line a fact."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trunkline.runtime.cli.options import DEFAULT_DATABASE, AsJson, Database, Verbose
from trunkline.runtime.cli.streams import console, say, write_object
from trunkline.runtime.cli.which_run import WhichRun, run_named

if TYPE_CHECKING:
    from datetime import datetime

    from rich.text import Text

    from trunkline.runtime.storage import database as storage
    from trunkline.runtime.storage.run_rows import Run

Limit = Annotated[int, typer.Option(min=1, metavar="N", help="How many runs to list.")]


def show(
    run: WhichRun, as_json: AsJson = False, database: Database = DEFAULT_DATABASE, verbose: Verbose = False
) -> None:
    """Show everything about a run: where it stands, what it waits for, and how it ended."""
    del verbose
    found, questions = asyncio.run(_kept(database, run))
    if as_json:
        write_object({**_object(found), "waits_for": questions})
    else:
        console().print(_sheet(found, questions), soft_wrap=True)


def dead(
    limit: Limit = 20, as_json: AsJson = False, database: Database = DEFAULT_DATABASE, verbose: Verbose = False
) -> None:
    """List the dead letters: runs that nobody tries again by himself, with what was seen last of each."""
    del verbose
    found, where = asyncio.run(_dead(database, limit))
    if not found:
        say(f"no dead runs in {where}")
    for run in found:
        if as_json:
            write_object(_object(run))
        else:
            console().print(_sheet(run, []), soft_wrap=True)


async def _kept(database: str, wanted: str) -> tuple[Run, list[Any]]:
    from trunkline.runtime.cli.existing import existing_database

    async with existing_database(database) as opened:
        run = await run_named(opened, wanted)
        return run, await _questions(opened, run)


async def _questions(opened: storage.Database, run: Run) -> list[Any]:
    """Return what the run waits for: the values of its interrupts, by their ids where there are several."""
    from trunkline.runtime.questions import interrupts_of
    from trunkline.runtime.storage.payloads import Payloads

    wait = await opened.runs.wait_of(run.id)
    interrupts = interrupts_of(wait.interrupts, Payloads(opened.saver.serde)) if wait else []
    if len(interrupts) < 2:
        return [interrupt.value for interrupt in interrupts]
    return [{interrupt.id: interrupt.value} for interrupt in interrupts]


async def _dead(database: str, limit: int) -> tuple[list[Run], str]:
    from trunkline.runtime.cli.existing import existing_database
    from trunkline.runtime.queue.status import RunStatus

    async with existing_database(database) as opened:
        found = await opened.runs.latest(limit=limit, status=RunStatus.DEAD)
        return [summary.run for summary in found], opened.url.shown


def _object(run: Run) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(run), "seconds": run.seconds}


def _sheet(run: Run, questions: list[Any]) -> Text:
    from rich.text import Text

    from trunkline.runtime.cli.standing import standing_of_run

    standing = standing_of_run(run.status)
    sheet = Text.assemble((run.id, "bold"), " ", (f"{standing.sign} {standing.word}", standing.style))
    for name, value in _facts(run, questions):
        if value:
            sheet.append(f"\n  {name:<{_INDENT}}", style="bright_black").append(_lines(value))
    return sheet


_INDENT = 11


def _lines(text: str) -> str:
    """Return a text of others, its lines below each other, with nothing in it that a terminal would obey."""
    from trunkline.runtime.cli.figures import one_line

    indents = (line[: len(line) - len(line.lstrip())] + one_line(line) for line in text.splitlines())
    return f"\n{' ' * (_INDENT + 2)}".join(indents)


def _facts(run: Run, questions: list[Any]) -> Iterator[tuple[str, str]]:
    from trunkline.runtime.cli.figures import seconds_text

    yield "graph", run.graph
    yield "thread", run.thread_id
    yield "tenant", run.tenant
    yield "queue", run.queue or ""
    yield "priority", str(run.priority or "")
    yield "queued", _time(run.queued_at)
    yield "started", _time(run.started_at) if run.started_at != run.queued_at else ""
    yield "ended", _time(run.ended_at)
    yield "took", seconds_text(run.seconds) if run.seconds is not None else ""
    yield "attempts", f"{run.attempt} failed" if run.attempt else ""
    yield "crashes", str(run.crashes or "")
    yield "asked", run.asked or ""
    yield "answered", run.answer or ""
    for question in questions:
        yield "waits for", str(question)
    yield "error", run.error or ""


def _time(at: datetime | None) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}" if at else ""
