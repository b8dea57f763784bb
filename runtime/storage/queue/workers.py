"""Reads which workers there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from trunkline.runtime.storage.queue.clock import SECOND, DatabaseClock, ServerClock, moment
from trunkline.runtime.storage.queue_tables import WorkerRow
from trunkline.runtime.storage.tables import ThreadRow


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRecord:
    """A worker as it stands on record."""

    id: str
    host: str
    pid: int
    version: str
    queues: tuple[str, ...]
    slots: int
    state: str
    running: int
    """Threads that it has leased."""

    refused: int
    lease_left: float
    """Seconds until others may give it up; less than none when they should have."""

    started_at: datetime


class WorkerBook:
    """Reads the workers' records."""

    def __init__(self, engine: AsyncEngine, *, clock: DatabaseClock | None = None) -> None:
        self._engine, self._clock = engine, clock or ServerClock()

    async def all(self) -> list[WorkerRecord]:
        """Return every worker on record, the oldest first."""
        leased = select(func.count()).where(ThreadRow.worker_id == WorkerRow.id, ThreadRow.sched == "leased")
        wanted = select(WorkerRow.__table__, leased.correlate(WorkerRow).scalar_subquery().label("running"))
        async with self._engine.connect() as connection:
            now = await self._clock.read(connection)
            rows = await connection.execute(wanted.order_by(WorkerRow.started_at, WorkerRow.id))
            return [_record(row, now) for row in rows]

    async def living(self) -> list[str]:
        """Return the ids of the workers that nobody has declared dead."""
        async with self._engine.connect() as connection:
            return list(await connection.scalars(select(WorkerRow.id).where(WorkerRow.state != "dead")))

    async def serving(self) -> list[WorkerRecord]:
        """Return the workers that serve queues and that nobody has declared dead."""
        return [worker for worker in await self.all() if worker.slots and worker.state != "dead"]


def _record(row: Any, now: int) -> WorkerRecord:
    return WorkerRecord(
        id=row.id,
        host=row.host,
        pid=row.pid,
        version=row.version,
        queues=tuple(row.queues.split(",")) if row.queues else (),
        slots=row.slots,
        state=row.state,
        running=row.running,
        refused=row.refused,
        lease_left=(row.lease_until - now) / SECOND,
        started_at=moment(row.started_at),
    )
