"""The database's clock: the one clock by which leases, delays and time-outs are measured."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import BigInteger, bindparam, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

SECOND = 1_000_000
"""Microseconds."""

SERVER_NOW = cast(func.extract("epoch", func.clock_timestamp()) * SECOND, BigInteger)
"""What PostgreSQL's clock shows, within a statement."""

_NOW = select(SERVER_NOW)


class DatabaseClock(Protocol):
    """Tells the time to everybody who uses a database."""

    @property
    def fixed(self) -> int | None:
        """What it shows, if that is known here; None for what the database shows when a statement runs."""
        ...

    async def read(self, connection: AsyncConnection) -> int:
        """Return microseconds since 1970."""
        ...


class ServerClock:
    """PostgreSQL's clock; for an embedded database the machine's, which is the same for all who open it."""

    fixed = None

    async def read(self, connection: AsyncConnection) -> int:
        """Return microseconds since 1970."""
        if connection.dialect.name == "sqlite":
            return time.time_ns() // 1000
        return (await connection.execute(_NOW)).scalar_one()


def within(dialect: str) -> Any:
    """Return what the clock shows, within a statement that is given `now`: see `given`."""
    now = bindparam("now", type_=BigInteger)
    return (func.coalesce(now, SERVER_NOW) if dialect == "postgresql" else now).label("now")


def given(dialect: str, fixed: int | None) -> dict[str, int | None]:
    """Return the parameter for `within`: what the clock is fixed to, or the machine's time for an embedded database."""
    return {"now": time.time_ns() // 1000 if fixed is None and dialect == "sqlite" else fixed}


def moment(microseconds: int) -> datetime:
    """Return the moment as a datetime."""
    return datetime.fromtimestamp(microseconds / SECOND, UTC)
