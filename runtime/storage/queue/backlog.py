"""How much work waits, and how fast it is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.queue.clock import SECOND, DatabaseClock, ServerClock, moment
from trunkline.runtime.storage.tables import RunRow

SPAN = 60.0
"""Seconds over which rates are measured."""

_OVER = [status.value for status in RunStatus if status.over]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """The runs of one tenant in one queue."""

    queue: str
    tenant: str
    ready: int
    """Queued runs that may begin now."""

    delayed: int
    """Queued runs whose time has not come."""

    waiting: int
    """Runs that wait for an answer."""

    running: int
    oldest: float | None
    """Seconds for which the oldest of those that are ready has been so. None: none is."""

    arrivals: float
    """Runs that were submitted, a second, over the last minute."""

    served: float
    """Runs that ended, a second, over the last minute."""

    @property
    def drained_in(self) -> float | None:
        """Seconds until nothing is ready at these rates. None: never, unless something changes."""
        if not self.ready:
            return 0.0
        net = self.served - self.arrivals
        return self.ready / net if net > 0 else None


class QueueBook:
    """Reads what the queues hold."""

    def __init__(self, engine: AsyncEngine, *, clock: DatabaseClock | None = None) -> None:
        self._engine, self._clock = engine, clock or ServerClock()

    async def backlogs(self) -> list[Backlog]:
        """Return what waits, runs or has moved within the last minute, by queue and tenant."""
        async with self._engine.connect() as connection:
            now = await self._clock.read(connection)
            rows = await connection.execute(_wanted(now))
            return [_backlog(row, now) for row in rows if any(row[2:])]


def _wanted(now: int) -> Any:
    lately = moment(now) - timedelta(seconds=SPAN)
    queued, due = RunRow.status == RunStatus.QUEUED.value, RunRow.not_before <= now
    columns = [
        _count(queued & due).label("ready"),
        _count(queued & ~due).label("delayed"),
        _count(RunRow.status == RunStatus.WAITING.value).label("waiting"),
        _count(RunRow.status == RunStatus.RUNNING.value).label("running"),
        _count(RunRow.queued_at > lately).label("arrived"),
        _count(RunRow.status.in_(_OVER) & (RunRow.ended_at > lately)).label("ended"),
        func.min(case((queued & due, RunRow.not_before))).label("oldest"),
    ]
    of_queues = select(RunRow.queue, RunRow.tenant, *columns).where(RunRow.queue.is_not(None))
    return of_queues.group_by(RunRow.queue, RunRow.tenant).order_by(RunRow.queue, RunRow.tenant)


def _count(condition: Any) -> Any:
    return func.count(case((condition, 1)))


def _backlog(row: Any, now: int) -> Backlog:
    return Backlog(
        queue=row.queue,
        tenant=row.tenant,
        ready=row.ready,
        delayed=row.delayed,
        waiting=row.waiting,
        running=row.running,
        oldest=(now - row.oldest) / SECOND if row.oldest is not None else None,
        arrivals=row.arrived / SPAN,
        served=row.ended / SPAN,
    )
