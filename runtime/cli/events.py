"""`trunkline events`: tells what happened in a run, and follows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Annotated

import typer

from trunkline.errors import AmbiguousRunError, UnknownRunError
from trunkline.runtime.cli.options import DEFAULT_DATABASE, AsJson, Database, Verbose
from trunkline.runtime.cli.streams import console, say, write_object
from trunkline.runtime.cli.which_run import WhichRun

if TYPE_CHECKING:
    from trunkline.runtime.events import Recorded
    from trunkline.runtime.storage import database as storage

After = Annotated[int, typer.Option(metavar="N", help="Begin after the event with this number.")]
Follow = Annotated[
    bool,
    typer.Option("--follow", "-f", help="Go on until the run rests; with --json also text while it is said."),
]


def events(
    run: WhichRun,
    after: After = 0,
    follow: Follow = False,
    as_json: AsJson = False,
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """Tell what happened in a run, an event a line; each has its number in the thread."""
    del verbose
    told = asyncio.run(_tell(database, run, after, follow=follow, as_json=as_json))
    if not told:
        say("no events of it are on record" + (f" after number {after}" if after else ""))


async def _tell(database: str, wanted: str, after: int, *, follow: bool, as_json: bool) -> int:
    from contextlib import aclosing

    from trunkline.runtime.cli.event_words import event_line, event_object
    from trunkline.runtime.cli.existing import existing_database

    out, told = console(), 0
    async with existing_database(database) as opened, aclosing(_found(opened, wanted, after, follow)) as found:
        async for recorded in found:
            told += 1
            if as_json:
                write_object(event_object(recorded))
            elif line := event_line(recorded):
                out.print(line, soft_wrap=True)
    return told


async def _found(opened: storage.Database, wanted: str, after: int, follow: bool) -> AsyncGenerator[Recorded]:
    from trunkline.runtime.joining import join
    from trunkline.runtime.storage.payloads import Payloads

    payloads, run_id = Payloads(opened.saver.serde), await _id_of(opened, wanted)
    if follow:
        async for recorded in join(opened, payloads, run_id, after=after):
            yield recorded
        return
    while page := await opened.events.of_run(run_id, payloads, after=after):
        for recorded in page:
            yield recorded
        after = page[-1].seq


async def _id_of(opened: storage.Database, wanted: str) -> str:
    match await opened.runs.find(wanted):
        case []:
            raise UnknownRunError(run=wanted, database=opened.url.shown)
        case [run]:
            return run.id
        case several:
            raise AmbiguousRunError(run=wanted, matches=[each.id for each in several])
