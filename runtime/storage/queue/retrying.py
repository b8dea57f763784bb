"""Queues runs again that are over."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import RunStateError
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.queue.crashing import ALONE_AFTER
from trunkline.runtime.storage.queue.mailbox import settle
from trunkline.runtime.storage.tables import RunRow, ThreadRow

_RETRIED = [RunStatus.FAILED.value, RunStatus.DEAD.value, RunStatus.CANCELLED.value]
_AGAIN = {"status": RunStatus.QUEUED.value, "attempt": 0, "cancel": None, "ended_at": None, "wait_until": None}


async def retry(connection: AsyncConnection, run_id: str, now: int) -> str | None:
    """Queue a run again that has failed, is dead or was cancelled, and return the queue to ring.

    Its attempts begin anew, and it goes on from its checkpoint. One that was dead is served alone from the start.
    Raises `RunStateError` for any other, and for one that has no graph that a worker could find.
    """
    of_run = select(RunRow.thread_id).where(RunRow.id == run_id).scalar_subquery()
    wanted = select(ThreadRow.id, ThreadRow.sched).where(ThreadRow.id == of_run)
    thread = (await connection.execute(wanted.with_for_update())).first()
    over = (RunRow.id == run_id, RunRow.status.in_(_RETRIED), RunRow.reference.is_not(None))
    suspected = (
        func.min(RunRow.crashes, ALONE_AFTER)
        if connection.dialect.name == "sqlite"
        else func.least(RunRow.crashes, ALONE_AFTER)
    )
    again = update(RunRow).where(*over).values(**_AGAIN, not_before=now, crashes=suspected)
    if thread is None or not (await connection.execute(again)).rowcount:
        status = await connection.scalar(select(RunRow.status).where(RunRow.id == run_id))
        wanted_state = "a submitted run that has failed, is dead or was cancelled"
        raise RunStateError(run=run_id, status=status or "not on record", wanted=wanted_state)
    return None if thread.sched == "leased" else await settle(connection, thread.id, now)
