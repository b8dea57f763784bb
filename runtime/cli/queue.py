"""`trunkline queue`: how much work waits, and how fast it is done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from trunkline.runtime.cli.options import DEFAULT_DATABASE, AsJson, Database, Verbose
from trunkline.runtime.cli.streams import console, say, write_object

if TYPE_CHECKING:
    from rich.table import Table

    from trunkline.runtime.storage.queue.backlog import Backlog


def queue(as_json: AsJson = False, database: Database = DEFAULT_DATABASE, verbose: Verbose = False) -> None:
    """Show what waits, by queue and tenant, and the rates of the last minute."""
    del verbose
    found, where = asyncio.run(_found(database))
    if not found:
        say(f"nothing waits in {where}, and nothing was submitted within the last minute")
    elif as_json:
        from dataclasses import asdict

        for backlog in found:
            write_object({**asdict(backlog), "drained_in": backlog.drained_in})
    else:
        console().print(_table(found), soft_wrap=True)


async def _found(database: str) -> tuple[list[Backlog], str]:
    from trunkline.runtime.cli.existing import existing_database

    async with existing_database(database) as opened:
        return await opened.queues.backlogs(), opened.url.shown


def _table(found: list[Backlog]) -> Table:
    from trunkline.runtime.cli.columns import plain_table

    names = ("queue", "tenant", "ready", "delayed", "waiting", "running", "oldest", "in/s", "out/s", "drained in")
    return plain_table(names, [_cells(backlog) for backlog in found], right=set(names[2:]))


def _cells(backlog: Backlog) -> list[str]:
    from trunkline.runtime.cli.figures import rough_text

    return [
        backlog.queue,
        backlog.tenant or "-",
        *(str(count) for count in (backlog.ready, backlog.delayed, backlog.waiting, backlog.running)),
        "-" if backlog.oldest is None else rough_text(backlog.oldest),
        f"{backlog.arrivals:.2f}",
        f"{backlog.served:.2f}",
        "never" if backlog.drained_in is None else rough_text(backlog.drained_in),
    ]
