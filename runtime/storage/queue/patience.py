"""Estimates when a tenant whose queue is full should try again."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.tables import RunRow, ThreadRow

_SHORTEST, _LONGEST = 1.0, 300.0
_SAMPLE = 50
"""Runs from which the mean time of service is taken: the tenant's newest that are over."""


async def seconds_to_drain(connection: AsyncConnection, tenant: str, queued: int) -> float:
    """Return how long the tenant's queue will take if things go on as they do, between a second and five minutes.

    Little's law: what waits, times the mean time of service, divided by what is served at once.
    """
    leased = select(func.count()).where(ThreadRow.sched == "leased", ThreadRow.tenant == tenant)
    served = max(1, await connection.scalar(leased) or 0)
    return min(max(_SHORTEST, queued * await _mean_service(connection, tenant) / served), _LONGEST)


async def _mean_service(connection: AsyncConnection, tenant: str) -> float:
    over = RunRow.status.in_([status.value for status in RunStatus if status.over])
    mine = (RunRow.tenant == tenant, RunRow.fence > 0, RunRow.ended_at.is_not(None), over)
    newest = select(RunRow.started_at, RunRow.ended_at).where(*mine).order_by(RunRow.started_at.desc()).limit(_SAMPLE)
    took = [(row.ended_at - row.started_at).total_seconds() for row in await connection.execute(newest)]
    return sum(took) / len(took) if took else 0.0
