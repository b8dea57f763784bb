"""The mail of a thread: which of its runs comes next, and what that makes of the thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, bindparam, case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.one_of import one_of
from trunkline.runtime.storage.tables import RunRow, ThreadRow

_NEXT = ("thread_id", "queue", "priority", "vtime", "not_before")
_FREE = {"worker_id": None, "lease_id": None}
_SETTLE = update(ThreadRow).where(ThreadRow.id == bindparam("the_thread"))

DUE_OR_BEGUN = or_(RunRow.not_before <= bindparam("now", type_=BigInteger), RunRow.fence > 0)
"""The condition of runs that keep their place in the mail, at the time `now`."""


async def settle(connection: AsyncConnection, thread_id: str, now: int, **changes: Any) -> str | None:
    """Make the thread ready for its next run, or idle; return the queue of a run that may start at once.

    `changes` are further changes of the thread's row, which the caller has locked.
    """
    run = (await _next_runs(connection, [thread_id], now)).get(thread_id)
    settled = update(ThreadRow).where(ThreadRow.id == thread_id).values(**_state(run), **changes)
    await connection.execute(settled)
    return _due(run, now)


async def settle_each(
    connection: AsyncConnection, changes: Mapping[str, Mapping[str, Any]], now: int
) -> dict[str, str | None]:
    """Settle each of the threads like `settle`; their further changes are plain values."""
    nexts = await _next_runs(connection, changes, now)
    rows: dict[bool, list[dict[str, Any]]] = {}
    for thread_id, more in changes.items():
        run = nexts.get(thread_id)
        rows.setdefault(run is None, []).append({"the_thread": thread_id, **_state(run), **more})
    for alike in rows.values():
        await connection.execute(_SETTLE, alike)
    return {thread_id: _due(nexts.get(thread_id), now) for thread_id in changes}


def _due(run: Any, now: int) -> str | None:
    return run.queue if run is not None and run.not_before <= now else None


def _state(run: Any) -> dict[str, Any]:
    if run is None:
        return {"sched": "idle", "queue": None, **_FREE}
    return ready(queue=run.queue, priority=run.priority, vtime=run.vtime, not_before=run.not_before) | _FREE


def ready(*, queue: str, priority: int, vtime: int, not_before: int) -> dict[str, Any]:
    """Return the columns of a thread whose next run has these."""
    return {"sched": "ready", "queue": queue, "rank": -priority, "vtime": vtime, "ready_at": not_before}


async def _next_runs(connection: AsyncConnection, thread_ids: Iterable[str], now: int) -> dict[str, Any]:
    """Return the first queued run of each thread; one that was put off holds up nobody, unless it has begun before.

    Of runs that are all put off, the first that is due.
    """
    rows = await connection.execute(_firsts(connection.dialect.name), {"threads": list(thread_ids), "now": now})
    return {row.thread_id: row for row in rows}


@cache
def _firsts(dialect: str) -> Any:
    order = (case((DUE_OR_BEGUN, 0), else_=1), case((DUE_OR_BEGUN, RunRow.seq), else_=RunRow.not_before), RunRow.seq)
    queued = (RunRow.status == RunStatus.QUEUED.value, RunRow.thread_id == ThreadRow.id)
    head = select(RunRow.id).where(*queued).order_by(*order).limit(1).correlate(ThreadRow).scalar_subquery()
    runs = RunRow.__table__
    firsts = select(*(runs.c[name] for name in _NEXT)).join_from(ThreadRow.__table__, runs, runs.c.id == head)
    return firsts.where(one_of(ThreadRow.id, "threads", dialect))
