"""The database side of a heartbeat: a connection of its own, used in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.runtime.storage.engine import blocking_twin
from trunkline.runtime.storage.queue import presence
from trunkline.runtime.storage.queue.clock import DatabaseClock, ServerClock
from trunkline.runtime.storage.queue.presence import CancelWanted
from trunkline.runtime.storage.transactions import run_blocking


class Renewals:
    """Renews a worker's lease without the event loop, which may be blocked."""

    def __init__(self, engine: AsyncEngine, *, clock: DatabaseClock | None = None) -> None:
        self._open: Callable[[], Engine | None] = lambda: blocking_twin(engine)
        self._engine: Engine | None = None
        self._clock = clock or ServerClock()

    def renew(self, worker_id: str, *, lease: float) -> list[CancelWanted]:
        """Keep the worker alive, and return which of its runs it is asked to end. Raises `WorkerDeadError`."""
        engine = self._engine = self._engine or self._open()
        assert engine, "the engines of databases are our own"

        async def work(connection: AsyncConnection) -> list[CancelWanted]:
            now = await self._clock.read(connection)
            return await presence.renew(connection, worker_id, lease=lease, now=now)

        return run_blocking(engine, work)

    def close(self) -> None:
        """Close the connection."""
        if self._engine is not None:
            self._engine.dispose()
