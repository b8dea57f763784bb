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
from trunkline.runtime.storage.sealed import closed, run_place, seal_of
from trunkline.runtime.storage.tables import RunRow, ThreadRow

_WANTED = "a submitted run that waits for this answer"
_WAITING = RunRow.status == RunStatus.WAITING.value


async def answer(
    connection: AsyncConnection, run_id: str, resume: bytes, now: int, *, fence: int | None = None
) -> str | None:
    """Queue a waiting run again with its answer, and return the queue to ring. Of several answers one wins.

    Its attempts and crashes count from here again: it goes on with something new. `fence` is that of the claim under
    which the run asked; left out, whatever it asks is answered. Raises `RunStateError` when it waits for that no more,
    or has no graph that a worker could find.
    """
    thread = await _locked_thread(connection, run_id)
    sealed = closed(seal_of(connection), resume, run_place(thread.id, run_id, "resume"))
    fresh = {"not_before": now, "wait_until": None, "attempt": 0, "crashes": 0}
    queued = {"status": RunStatus.QUEUED.value, "resume": sealed, **fresh}
    this = [RunRow.id == run_id, RunRow.reference.is_not(None), _WAITING]
    if fence is not None:
        this.append(RunRow.fence == fence)
    if not (await connection.execute(update(RunRow).where(*this).values(**queued))).rowcount:
        raise RunStateError(run=run_id, status=await _status(connection, run_id), wanted=_WANTED)
    return None if thread.sched == "leased" else await settle(connection, thread.id, now)


async def gone_on(connection: AsyncConnection, thread_ids: Sequence[str], now: int, *, answers: bool) -> None:
    """End the runs of the threads that wait for an answer: other runs begin there, which `answers` them or do not.

    The caller has locked the threads.
    """
    if answers:
        ended = {"status": RunStatus.SUCCEEDED.value}
    else:
        ended = _cancelled("the conversation went on without an answer", now)
    await connection.execute(update(RunRow).where(RunRow.thread_id.in_(thread_ids), _WAITING).values(**ended))


async def give_up_waiting(connection: AsyncConnection, now: int) -> Sequence[str]:
    """Cancel the runs whose time for an answer is over, and return them."""
    late = update(RunRow).where(_WAITING, RunRow.wait_until <= now)
    ended = _cancelled("nobody answered in time", now)
    return (await connection.scalars(late.values(**ended).returning(RunRow.id))).all()


def _cancelled(error: str, now: int) -> dict[str, Any]:
    return {"status": RunStatus.CANCELLED.value, "error": error, "ended_at": moment(now)}


async def _locked_thread(connection: AsyncConnection, run_id: str) -> Any:
    of_run = select(RunRow.thread_id).where(RunRow.id == run_id).scalar_subquery()
    columns = (ThreadRow.id, ThreadRow.sched)
    row = (await connection.execute(select(*columns).where(ThreadRow.id == of_run).with_for_update())).first()
    if row is None:
        raise RunStateError(run=run_id, status="not on record", wanted=_WANTED)
    return row


async def _status(connection: AsyncConnection, run_id: str) -> str:
    return await connection.scalar(select(RunRow.status).where(RunRow.id == run_id)) or "not on record"
