"""`trunkline workers`: who serves the queue."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from trunkline.runtime.cli.options import DEFAULT_DATABASE, AsJson, Database, Verbose
from trunkline.runtime.cli.streams import console, say, write_object

if TYPE_CHECKING:
    from rich.table import Table

    from trunkline.runtime.storage.queue.workers import WorkerRecord


def workers(as_json: AsJson = False, database: Database = DEFAULT_DATABASE, verbose: Verbose = False) -> None:
    """List the workers: where each is, what it serves, and whether it lives."""
    del verbose
    found, where = asyncio.run(_found(database))
    if not found:
        say(f"no workers on {where}; 'trunkline worker' starts one")
    elif as_json:
        from dataclasses import asdict

        for worker in found:
            write_object(asdict(worker))
    else:
        console().print(_table(found), soft_wrap=True)


async def _found(database: str) -> tuple[list[WorkerRecord], str]:
    from trunkline.runtime.cli.existing import existing_database

    async with existing_database(database) as opened:
        return await opened.workers.all(), opened.url.shown


def _table(found: list[WorkerRecord]) -> Table:
    from trunkline.runtime.cli.columns import plain_table

    names = ("worker", "host", "pid", "state", "queues", "slots", "running", "lease left", "version", "refused")
    return plain_table(names, [_cells(worker) for worker in found], right={"pid", "slots", "running", "refused"})


def _cells(worker: WorkerRecord) -> list[str]:
    return [
        worker.id,
        worker.host,
        str(worker.pid),
        worker.state,
        ",".join(worker.queues) or "-",
        str(worker.slots or "-"),
        str(worker.running),
        "-" if worker.state == "dead" else f"{worker.lease_left:.0f} s",
        worker.version,
        str(worker.refused),
    ]
