"""A transaction that only one process has in a database: two that upgrade it at once would create the same tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.runtime.storage.engine import WRITES, schema_of

_NAME = 0x7472756E  # "trun"
_AGAIN_SECONDS = 0.1


@asynccontextmanager
async def upgrading(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    """Open the transaction in which this schema of the database may be changed; SQLite's write lock is enough for it.

    The lock is that of the transaction, and so is safe behind a pooler. It is asked for again and again, each time in
    a transaction of its own, and never waited for in the database: a waiting statement would hold up whoever runs
    `CREATE INDEX CONCURRENTLY` there, and a pooler's connection.
    """
    while True:
        async with engine.execution_options(**WRITES).begin() as connection:
            if engine.dialect.name != "postgresql" or await takes_the_lock(connection):
                yield connection
                return
        await asyncio.sleep(_AGAIN_SECONDS)


async def takes_the_lock(connection: AsyncConnection) -> bool:
    """Take the lock until the transaction ends, and return whether nobody else has it.

    Each schema has one, the same for whoever names it and whoever comes to it by default.
    """
    schema = func.coalesce(await connection.run_sync(schema_of), func.current_schema(), "")
    return bool(await connection.scalar(select(func.pg_try_advisory_xact_lock(_NAME, func.hashtext(schema)))))
