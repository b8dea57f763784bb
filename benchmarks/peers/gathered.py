"""The floor: `asyncio.gather` over the bare functions, alone and with one bulk insert of the results."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime
from uuid import uuid4

from peers.databases import Databases
from peers.turn import Case, Turn, without_model

_TABLE = "CREATE TABLE calls (id TEXT PRIMARY KEY, tool TEXT, arguments TEXT, output TEXT, recorded_at TEXT)"


async def bare(stack: AsyncExitStack, case: Case, databases: Databases) -> Turn:
    """Gather the results, and nothing else."""
    del stack, databases

    async def work() -> int:
        return len(await _gather(case))

    return without_model(work)


async def with_bulk_insert(stack: AsyncExitStack, case: Case, databases: Databases) -> Turn:
    """Gather the results, then insert them into SQLite in one synchronous transaction that is safe on disk."""
    connection = stack.enter_context(closing(sqlite3.connect(databases.sqlite())))
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(_TABLE)

    async def work() -> int:
        results = await _gather(case)
        now = datetime.now(UTC).isoformat()
        rows = [
            (uuid4().hex, "look_up", json.dumps({"number": number}), json.dumps(result), now)
            for number, result in enumerate(results)
        ]
        with connection:
            connection.executemany("INSERT INTO calls VALUES (?, ?, ?, ?, ?)", rows)
        return len(results)

    return without_model(work)


async def _gather(case: Case) -> list[str]:
    function, numbers = case.function(), range(case.calls)
    if case.blocking:
        return await asyncio.gather(*(asyncio.to_thread(function, number) for number in numbers))
    return await asyncio.gather(*(function(number) for number in numbers))
