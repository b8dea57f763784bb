"""`trunkline runs`: lists the newest runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from trunkline.runtime.cli.options import DEFAULT_DATABASE, AsJson, Database, Verbose
from trunkline.runtime.cli.streams import console, say, write_object

if TYPE_CHECKING:
    from trunkline.runtime.storage.runs import RunSummary

Limit = Annotated[int, typer.Option(min=1, metavar="N", help="How many runs to list.")]
Thread = Annotated[str | None, typer.Option(metavar="T", help="Only the runs of this thread.")]


def runs(
    limit: Limit = 20,
    thread: Thread = None,
    as_json: AsJson = False,
    database: Database = DEFAULT_DATABASE,
    verbose: Verbose = False,
) -> None:
    """List the newest runs: how each stands, and what it took."""
    del verbose
    found, where = asyncio.run(_latest(database, limit, thread))
    if not found:
        say(_nothing(where, thread))
    elif as_json:
        for summary in found:
            _write(summary)
    else:
        from trunkline.runtime.cli.runs_table import runs_table

        out = console()
        out.print(runs_table(found, width=out.width))


async def _latest(database: str, limit: int, thread: str | None) -> tuple[list[RunSummary], str]:
    from trunkline.runtime.cli.existing import existing_database

    async with existing_database(database) as opened:
        return await opened.runs.latest(limit=limit, thread=thread), opened.url.shown


def _nothing(where: str, thread: str | None) -> str:
    if thread is not None:
        return f"no runs on thread {thread!r} in {where}; leave --thread out to see all"
    return f"no runs yet in {where}; 'trunkline demo' makes some"


def _write(summary: RunSummary) -> None:
    from dataclasses import asdict

    values = asdict(summary)
    write_object({**values.pop("run"), "seconds": summary.run.seconds, **values})
