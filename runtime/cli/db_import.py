"""`trunkline db import`: threads of LangGraph's own savers."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from trunkline.runtime.cli.options import DEFAULT_DATABASE, Database, Verbose
from trunkline.runtime.cli.streams import say

if TYPE_CHECKING:
    from trunkline.runtime.storage.checkpoints.serializer import TypeName

Source = Annotated[
    str, typer.Argument(metavar="SOURCE", help="Their database: sqlite:///checkpoints.sqlite or postgresql://…")
]
OnlyThread = Annotated[
    list[str] | None, typer.Option("--thread", metavar="T", help="Only this thread; may be repeated.")
]
Allow = Annotated[
    list[str] | None,
    typer.Option(metavar="package.module:Type", help="A type that their state holds; may be repeated."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and check everything, and write nothing.")]

_TELL_EVERY = 100
"""Threads between two words on how far it is."""


def import_threads(
    source: Source,
    thread: OnlyThread = None,
    allow: Allow = None,
    dry_run: DryRun = False,
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """Bring threads over from the tables of LangGraph's own SQLite or PostgreSQL saver, which stay as they are.

    Running it again brings over what has come since; a thread that has gone on here is not overwritten. Stop the
    programs that write to SOURCE before the last time. Exits with 1 if a thread could not be brought over.
    """
    del verbose
    allowed = [_type_name(each) for each in allow or []]
    if asyncio.run(_imported(source, database, thread or [], allowed, dry_run=dry_run)):
        raise typer.Exit(1)


async def _imported(source: str, database: str, only: list[str], allowed: list[TypeName], *, dry_run: bool) -> int:
    """Import, and return how many threads did not come."""
    from trunkline.runtime.cli.figures import plural
    from trunkline.runtime.storage.checkpoints.keyring import Keyring
    from trunkline.runtime.storage.database import open_database
    from trunkline.runtime.storage.imports.importing import AlreadyHere, Imported, Importer, Refused
    from trunkline.runtime.storage.imports.opening import open_foreign

    sums: Counter[str] = Counter()
    absent = set(only)
    keys = Keyring.from_environment()
    async with open_foreign(source) as foreign, open_database(database, keys=keys) as opened:
        importer = Importer(foreign, opened.saver, allowed=allowed)
        async for arrival in importer.arrivals(only=only, dry_run=dry_run):
            absent.discard(arrival.thread)
            match arrival:
                case Imported():
                    sums.update(threads=1, checkpoints=arrival.checkpoints, writes=arrival.writes)
                case AlreadyHere():
                    sums.update(here=1)
                case Refused():
                    sums.update(refused=1)
                    say(str(arrival.error))
            if (seen := sums["threads"] + sums["here"] + sums["refused"]) % _TELL_EVERY == 0:
                say(f"{plural(seen, 'thread')} so far")
    what = "would bring over" if dry_run else "brought over"
    brought = ", ".join(plural(sums[name], name[:-1]) for name in ("threads", "checkpoints", "writes"))
    say(f"{what} {brought}; {sums['here']:,} were here already, {sums['refused']:,} refused")
    if absent:
        say(f"no thread {' or '.join(map(repr, sorted(absent)))} in the source")
    return sums["refused"] + len(absent)


def _type_name(text: str) -> TypeName:
    module, colon, name = text.partition(":")
    if not (module and colon and name):
        message = f"--allow {text!r} names no type; write package.module:Type"
        raise typer.BadParameter(message)
    return module, name
