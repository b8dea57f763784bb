"""A lock that only one process holds for a database: two that upgrade it at once would create the same tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

_NAME = 0x7472756E6B  # "trunk"
_TRY = select(func.pg_try_advisory_lock(_NAME))
_LET_GO = select(func.pg_advisory_unlock(_NAME))
_AGAIN_SECONDS = 0.1


@asynccontextmanager
async def upgrade_lock(engine: AsyncEngine) -> AsyncGenerator[None]:
    """Hold the database's upgrade lock. SQLite needs none: its write lock does the same.

    It is asked for again and again and never waited for in the database: a waiting statement would hold up the
    `CREATE INDEX CONCURRENTLY` of whoever holds the lock, for ever.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        while not await connection.scalar(_TRY):  # noqa: ASYNC110 - another process sets no event of ours
            await asyncio.sleep(_AGAIN_SECONDS)
        try:
            yield
        finally:
            await connection.execute(_LET_GO)
