"""`trunkline runs retry`, `cancel` and `answer`: what people do about a run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trunkline.runtime.cli.deciding import parsed
from trunkline.runtime.cli.options import DEFAULT_DATABASE, Bus, Database, Verbose
from trunkline.runtime.cli.which_run import WhichRun, run_named

if TYPE_CHECKING:
    from trunkline.runtime.storage import database as storage
    from trunkline.runtime.storage.run_rows import Run

Act = Callable[["storage.Database", str], Awaitable[None]]
Kill = Annotated[
    bool,
    typer.Option("--kill", help="Take its lease away at once: whatever its worker still does, nothing is written."),
]
Answer = Annotated[str, typer.Argument(metavar="JSON", help="What the graph's interrupt gives back.")]


def retry(run: WhichRun, database: Database = DEFAULT_DATABASE, bus: Bus = None, verbose: Verbose = False) -> None:
    """Queue a run again that failed, is dead or was cancelled; it goes on from its checkpoint."""
    del verbose
    after = asyncio.run(_done(database, bus, run, lambda opened, run_id: opened.queue.retry(run_id)))
    typer.echo(f"{after.id} is {after.status}")


def cancel(
    run: WhichRun, kill: Kill = False, database: Database = DEFAULT_DATABASE, bus: Bus = None, verbose: Verbose = False
) -> None:
    """Cancel a run: one that waits at once; one that runs is ended by its worker, effects under way come first."""
    del verbose

    async def act(opened: storage.Database, run_id: str) -> None:
        await (opened.queue.kill if kill else opened.queue.stop)(run_id)

    after = asyncio.run(_done(database, bus, run, act))
    asked = "; its worker is asked to end it" if after.status == "running" else ""
    typer.echo(f"{after.id} is {after.status}{asked}")


def answer(
    run: WhichRun, value: Answer, database: Database = DEFAULT_DATABASE, bus: Bus = None, verbose: Verbose = False
) -> None:
    """Answer the interrupt at which a run waits; where there are several, an object of their ids to answers."""
    del verbose
    given = parsed(value, "the answer")

    after = asyncio.run(_answered(database, bus, run, given))
    typer.echo(f"{after.id} is {after.status}")


async def _answered(database: str, bus: str | None, wanted: str, given: Any) -> Run:
    from trunkline.agents.models import Models
    from trunkline.runtime.cli.existing import existing_database
    from trunkline.runtime.line import Trunkline

    async with existing_database(database) as opened:
        run = await run_named(opened, wanted)
    async with Trunkline(database, tenant=run.tenant, models=Models({}), bus=bus) as line:
        await line.answer(run.id, given)
        return await line.found(run.id)


async def _done(database: str, bus: str | None, wanted: str, act: Act) -> Run:
    """Do something about a run, and return how it stands then."""
    from trunkline.runtime.cli.existing import existing_database

    async with existing_database(database, bus=bus) as opened:
        run = await run_named(opened, wanted)
        await act(opened, run.id)
        return await run_named(opened, run.id)
