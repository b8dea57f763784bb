"""`trunkline threads`: which there are, and how much of them is kept."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trunkline.runtime.cli.options import DEFAULT_DATABASE, AsJson, Database, Verbose
from trunkline.runtime.cli.streams import console, say, write_object

if TYPE_CHECKING:
    from trunkline.runtime.pruner import Due
    from trunkline.runtime.retention import Retention
    from trunkline.runtime.storage.database import Database as OpenDatabase
    from trunkline.runtime.storage.threads import Thread

threads = typer.Typer(help="The threads: list, prune, delete, export.", no_args_is_help=True)

Names = Annotated[list[str], typer.Argument(metavar="THREAD...", help="Names of threads, as 'threads list' has them.")]
OfGraph = Annotated[str | None, typer.Option("--graph", metavar="G", help="Only threads whose last run was of it.")]
Limit = Annotated[int, typer.Option(min=1, metavar="N", help="How many threads to list.")]
KeepLast = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Keep so many checkpoints, states to which one can go back.")
]
OlderThan = Annotated[
    str | None, typer.Option(metavar="30d", help="Delete the threads on which nothing has happened for so long.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Force = Annotated[bool, typer.Option("--force", help="Also where a run is under way: it is cut off.")]
Output = Annotated[Path | None, typer.Option(metavar="FILE", help="Write there instead of to stdout.")]


@threads.command("list")
def list_threads(
    graph: OfGraph = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """List the threads that were used last, the newest first."""
    del verbose
    found, where = asyncio.run(_newest(database, graph, limit))
    if not found:
        say(f"no threads of graph {graph!r} in {where}" if graph else f"no threads in {where} yet")
    elif as_json:
        for thread in found:
            _write(thread)
    else:
        from trunkline.runtime.cli.threads_table import threads_table

        out = console()
        out.print(threads_table(found, width=out.width))


@threads.command()
def prune(
    graph: OfGraph = None,
    keep_last: KeepLast = None,
    older_than: OlderThan = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """Take away what is old: with --keep-last old checkpoints, with --older-than whole threads.

    Threads on which something is under way are left alone.
    """
    del verbose
    from trunkline.runtime.cli.consent import require_consent
    from trunkline.runtime.cli.durations import seconds_of
    from trunkline.runtime.retention import Retention

    if keep_last is None and older_than is None:
        message = "say what is old: --keep-last N, --older-than 30d, or both"
        raise typer.BadParameter(message)
    retention = Retention(keep_last=keep_last, ttl=seconds_of(older_than))
    if older_than and not dry_run:
        whose = f"of graph {graph!r} " if graph else ""
        require_consent(f"Delete all threads {whose}that nobody has used for {older_than}?", given=yes)
    asyncio.run(_pruned(database, graph, retention, dry_run=dry_run, as_json=as_json))


@threads.command()
def delete(
    names: Names,
    yes: Yes = False,
    force: Force = False,
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """Delete threads for good: all that was said on them, and what was recorded of it.

    What was spent stays for the books, and which effects were done, without their arguments, so that none happens
    twice. In a SQLite file the rest is overwritten; a PostgreSQL server does so when it vacuums. Backups, and what was
    sent to LangSmith, are for you to delete.
    """
    del verbose
    from trunkline.runtime.cli.consent import require_consent
    from trunkline.runtime.cli.figures import plural

    asyncio.run(_require_known(database, names))
    require_consent(f"Delete {', '.join(map(repr, names))} for good?", given=yes)
    clean = asyncio.run(_deleted(database, names, force=force))
    say(f"deleted {plural(len(names), 'thread')}; costs and the keys of done effects stay, without arguments")
    if not clean:
        say("another process reads the database: its log is overwritten when that ends, and SQLite next tidies up")


@threads.command()
def export(
    names: Names, output: Output = None, database: Database = DEFAULT_DATABASE, verbose: Verbose = False
) -> None:
    """Write all that is kept of threads, one JSON object a line: for the person whose data it is."""
    del verbose
    asyncio.run(_exported(database, names, output))


async def _newest(database: str, graph: str | None, limit: int) -> tuple[list[Thread], str]:
    from datetime import UTC, datetime
    from heapq import nlargest

    from trunkline.runtime.cli.existing import existing_database

    never = datetime.min.replace(tzinfo=UTC)
    async with existing_database(database) as opened:
        found = [each async for each in opened.threads.all() if graph is None or each.graph == graph]
        return nlargest(limit, found, key=lambda thread: thread.active_at or never), opened.url.shown


async def _pruned(database: str, graph: str | None, retention: Retention, *, dry_run: bool, as_json: bool) -> None:
    from trunkline.runtime.cli.existing import existing_database
    from trunkline.runtime.cli.figures import plural
    from trunkline.runtime.pruner import Pruner

    done = left = 0
    async with existing_database(database) as opened:
        pruner = Pruner(opened, {graph: retention}) if graph else Pruner(opened, {}, default=retention)
        async for due in pruner.due():
            if dry_run or await pruner.carry_out(due):
                done += 1
                _tell(due, as_json=as_json)
            else:
                left += 1
        if done and not dry_run:
            await opened.threads.scrub()
    say(f"{'would take' if dry_run else 'took'} something away from {plural(done, 'thread')}")
    if left:
        say(f"{plural(left, 'thread')} left alone: used just now")


def _tell(due: Due, *, as_json: bool) -> None:
    what = "delete" if due.keep_last is None else "prune"
    if as_json:
        write_object({"thread": due.thread.name, "what": what, "checkpoints": due.thread.checkpoints})
    else:
        typer.echo(f"{what} {due.thread.name}")


async def _require_known(database: str, names: list[str]) -> None:
    from trunkline.runtime.cli.existing import existing_database

    async with existing_database(database) as opened:
        for name in names:
            await _known(opened, name)


async def _known(opened: OpenDatabase, name: str) -> Thread:
    from trunkline.errors import UnknownThreadError

    found = await opened.threads.find(name)
    if found is None:
        raise UnknownThreadError(thread=name, database=opened.url.shown)
    return found


async def _deleted(database: str, names: list[str], *, force: bool) -> bool:
    from trunkline.runtime.cli.existing import existing_database

    async with existing_database(database) as opened:
        for name in names:
            await opened.threads.erase(name, force=force)
            typer.echo(name)
        return await opened.threads.scrub()


async def _exported(database: str, names: list[str], output: Path | None) -> None:
    from contextlib import nullcontext

    from trunkline.runtime.cli.existing import existing_database
    from trunkline.runtime.export import exported

    async with existing_database(database) as opened:
        for name in names:
            await _known(opened, name)
        with output.open("w", encoding="utf-8") if output else nullcontext() as file:
            for name in names:
                async for line in exported(opened, name):
                    write_object(line, file)


def _write(thread: Thread) -> None:
    from dataclasses import asdict

    values = asdict(thread)
    for internal in ("late", "changes"):
        del values[internal]
    write_object(values)
