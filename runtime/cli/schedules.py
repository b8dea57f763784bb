"""`trunkline schedules`: runs that are submitted again and again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trunkline.runtime.cli.options import DEFAULT_DATABASE, AsJson, Database, Verbose
from trunkline.runtime.cli.streams import console, say, write_object

if TYPE_CHECKING:
    from trunkline.runtime.line import Trunkline
    from trunkline.runtime.queue.schedule import Schedule

schedules = typer.Typer(help="Schedules: list, add, remove, pause, resume.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name.")]
Tenant = Annotated[str, typer.Option(metavar="T", help="Whose schedules.")]
Graph = Annotated[str, typer.Argument(metavar="GRAPH", help="package.module:name, path.py:name, or a registered name.")]
Given = Annotated[str, typer.Argument(metavar="INPUT", help="A text for the conversation, or the input as JSON.")]
Cron = Annotated[str, typer.Option(metavar="EXPR", help="Minute, hour, day of the month, month, day of the week.")]
Zone = Annotated[str, typer.Option(metavar="ZONE", help="An IANA time zone, such as Europe/Berlin.")]
Missed = Annotated[str, typer.Option("--misfire", metavar="P", help="Moments that were missed: skip, once or all.")]
Thread = Annotated[str | None, typer.Option(metavar="T", help="One thread for all runs; left out, a new one each.")]
Queue = Annotated[str, typer.Option(metavar="Q", help="The queue of the runs.")]
Priority = Annotated[int, typer.Option(metavar="N", help="Higher comes first.")]


@schedules.command("list")
def list_schedules(
    tenant: Tenant = "", as_json: AsJson = False, database: Database = DEFAULT_DATABASE, verbose: Verbose = False
) -> None:
    """List the schedules, and when each is due next."""
    del verbose
    found = asyncio.run(_found(database, tenant))
    if not found:
        say("no schedules; 'trunkline schedules add' makes one")
    elif as_json:
        for each in found:
            write_object(_object(each))
    else:
        _print_table(found)


@schedules.command()
def add(
    name: Name,
    graph: Graph,
    given: Given,
    cron: Cron,
    zone: Zone = "UTC",
    misfire: Missed = "once",
    thread: Thread = None,
    queue: Queue = "default",
    priority: Priority = 0,
    tenant: Tenant = "",
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """Add a schedule, or change the one of this name."""
    del verbose
    from trunkline.runtime.queue.schedule import Misfire

    if misfire not in list(Misfire):
        raise typer.BadParameter(f"expected skip, once or all, got {misfire!r}", param_hint="--misfire")
    options: dict[str, Any] = {"thread": thread, "queue": queue, "priority": priority}
    _do(
        database,
        tenant,
        lambda line: line.schedule(name, graph, _input(given), cron=cron, zone=zone, misfire=misfire, **options),
    )


@schedules.command()
def remove(name: Name, tenant: Tenant = "", database: Database = DEFAULT_DATABASE, verbose: Verbose = False) -> None:
    """Take a schedule away; runs that it has submitted stay."""
    del verbose
    _do(database, tenant, lambda line: line.unschedule(name))


@schedules.command()
def pause(name: Name, tenant: Tenant = "", database: Database = DEFAULT_DATABASE, verbose: Verbose = False) -> None:
    """Let a schedule rest."""
    del verbose
    _do(database, tenant, lambda line: line.pause_schedule(name))


@schedules.command()
def resume(name: Name, tenant: Tenant = "", database: Database = DEFAULT_DATABASE, verbose: Verbose = False) -> None:
    """Let a schedule go on from its next moment."""
    del verbose
    _do(database, tenant, lambda line: line.resume_schedule(name))


def _do(database: str, tenant: str, act: Callable[[Trunkline], Awaitable[None]]) -> None:
    from trunkline.runtime.line import Trunkline

    async def acted() -> None:
        async with Trunkline(database, tenant=tenant) as line:
            await act(line)

    asyncio.run(acted())


async def _found(database: str, tenant: str) -> list[Schedule]:
    from trunkline.runtime.cli.existing import existing_database

    async with existing_database(database) as opened:
        return await opened.schedules.all(tenant)


def _input(text: str) -> Any:
    return json.loads(text) if text.startswith(("{", "[")) else text


def _object(schedule: Schedule) -> dict[str, Any]:
    names = ("name", "graph", "cron", "zone", "misfire", "thread_id", "queue", "priority", "paused", "next_at")
    return {name: getattr(schedule, name) for name in names}


def _print_table(found: list[Schedule]) -> None:
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, header_style="bright_black")
    for column in ("name", "graph", "cron", "zone", "misfire", "next"):
        drawn.add_column(column, no_wrap=True)
    for each in found:
        next_at = (
            "paused" if each.paused or each.next_at is None else each.next_at.isoformat(sep=" ", timespec="minutes")
        )
        drawn.add_row(each.name, each.graph, each.cron, each.zone, each.misfire.value, next_at)
    console().print(drawn)
