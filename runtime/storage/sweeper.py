"""The sweeper: does again and again what tidies up; and how it deletes rows that have expired, a few at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from sqlalchemy import delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.storage.writer import Writer
from trunkline.tools.clock import Clock

log = logging.getLogger("trunkline.storage")

_ROWS = 500
"""Rows a transaction, so that nobody else waits long."""


class Sweeper:
    """Sweeps again and again while it is open."""

    def __init__(self, sweep: Callable[[], Awaitable[object]], *, clock: Clock, every: float) -> None:
        """`every` is the pause between two sweeps, in seconds."""
        self._sweep, self._clock, self._every = sweep, clock, every
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="sweeper")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; a transaction that has begun is still committed."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(self._every)
            try:
                await self._sweep()
            except Exception:  # a database that does not answer is asked again at the next sweep
                log.exception("sweeper.sweep_failed")


async def sweep_expired(writer: Writer, table: Any, *parts: Any, tenant: str, now: datetime) -> int:
    """Delete the rows of the table that have expired, and theirs in `parts`, and return how many rows there were."""

    async def some(connection: AsyncConnection) -> int:
        key = (table.ns, table.key)
        due = (table.tenant == tenant, table.expires_at <= now)
        found = (
            await connection.execute(select(*key).where(*due).limit(_ROWS).with_for_update(skip_locked=True))
        ).all()
        names = [(ns, name) for ns, name in found]
        for one in (table, *parts) if names else ():
            in_it = tuple_(one.ns, one.key).in_(names)
            await connection.execute(delete(one).where(one.tenant == tenant, in_it))
        return len(names)

    swept = 0
    while count := await writer.write(some):
        swept += count
    return swept
