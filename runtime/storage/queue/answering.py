"""Answers runs that wait, and gives up those that have waited too long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import RunStateError
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.queue.clock import moment
from trunkline.runtime.storage.queue.mailbox import settle
from trunkline.runtime.storage.tables import RunRow, ThreadRow

_WAITING = RunRow.status == RunStatus.WAITING.value


async def answer(connection: AsyncConnection, run_id: str, resume: bytes, now: int) -> str | None:
    """Queue a waiting run again with its answer, and return the queue to ring. Of several answers one wins.

    Raises `RunStateError` when the run does not wait, or has no graph that a worker could find.
    """
    thread = await _locked_thread(connection, run_id)
    queued = {"status": RunStatus.QUEUED.value, "resume": resume, "not_before": now, "wait_until": None}
    this = (RunRow.id == run_id, RunRow.reference.is_not(None), _WAITING)
    if not (await connection.execute(update(RunRow).where(*this).values(**queued))).rowcount:
        status = await connection.scalar(select(RunRow.status).where(RunRow.id == run_id))
        raise RunStateError(run=run_id, status=status or "not on record", wanted="a submitted run that waits")
    return None if thread.sched == "leased" else await settle(connection, thread.id, now)


async def give_up_waiting(connection: AsyncConnection, now: int) -> Sequence[str]:
    """Cancel the runs whose time for an answer is over, and return them."""
    late = update(RunRow).where(_WAITING, RunRow.wait_until <= now)
    ended = {"status": RunStatus.CANCELLED.value, "error": "nobody answered in time", "ended_at": moment(now)}
    return (await connection.scalars(late.values(**ended).returning(RunRow.id))).all()


async def _locked_thread(connection: AsyncConnection, run_id: str) -> Any:
    of_run = select(RunRow.thread_id).where(RunRow.id == run_id).scalar_subquery()
    columns = (ThreadRow.id, ThreadRow.sched)
    row = (await connection.execute(select(*columns).where(ThreadRow.id == of_run).with_for_update())).first()
    if row is None:
        raise RunStateError(run=run_id, status="not on record", wanted="a submitted run that waits")
    return row
