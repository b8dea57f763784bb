"""The mail of a thread: which of its runs comes next, and what that makes of the thread."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.tables import RunRow, ThreadRow

_NEXT = (RunRow.id, RunRow.queue, RunRow.priority, RunRow.vtime, RunRow.not_before)
_FREE = {"worker_id": None, "lease_id": None}


async def settle(connection: AsyncConnection, thread_id: str, now: int, **changes: Any) -> str | None:
    """Make the thread ready for its next run, or idle; return the queue of a run that may start at once.

    `changes` are further changes of the thread's row, which the caller has locked.
    """
    run = await _next_run(connection, thread_id, now)
    if run is None:
        state: dict[str, Any] = {"sched": "idle", "queue": None}
    else:
        state = ready(queue=run.queue, priority=run.priority, vtime=run.vtime, not_before=run.not_before)
    await connection.execute(update(ThreadRow).where(ThreadRow.id == thread_id).values(**state, **_FREE, **changes))
    return run.queue if run is not None and run.not_before <= now else None


def ready(*, queue: str, priority: int, vtime: int, not_before: int) -> dict[str, Any]:
    """Return the columns of a thread whose next run has these."""
    return {"sched": "ready", "queue": queue, "rank": -priority, "vtime": vtime, "ready_at": not_before}


async def _next_run(connection: AsyncConnection, thread_id: str, now: int) -> Any:
    """Return the first queued run; one that was put off holds up nobody, unless it has begun before.

    Of runs that are all put off, the first that is due.
    """
    due = due_or_begun(now)
    order = (case((due, 0), else_=1), case((due, RunRow.seq), else_=RunRow.not_before), RunRow.seq)
    queued = select(*_NEXT).where(RunRow.status == RunStatus.QUEUED.value, RunRow.thread_id == thread_id)
    return (await connection.execute(queued.order_by(*order).limit(1))).first()


def due_or_begun(now: int) -> Any:
    """Return the condition of runs that keep their place in the mail."""
    return or_(RunRow.not_before <= now, RunRow.fence > 0)
