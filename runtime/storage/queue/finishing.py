"""Ends a claim: the run is over, waits for an answer, or goes back to the mail of its thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import LeaseLostError
from trunkline.runtime.queue.happenings import (
    QueueEvent,
    RunCancelled,
    RunFailed,
    RunHandedBack,
    RunRetried,
    RunSucceeded,
    RunWaiting,
)
from trunkline.runtime.queue.lease import Lease
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.event_data import Sealed
from trunkline.runtime.storage.event_log import INSERT, event_row
from trunkline.runtime.storage.queue.clock import SECOND, moment
from trunkline.runtime.storage.queue.mailbox import settle
from trunkline.runtime.storage.tables import RunRow, ThreadRow
from trunkline.runtime.storage.texts import shortened


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The run is over."""

    status: RunStatus
    answer: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The run waits for an answer."""

    interrupts: bytes
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedBack:
    """Its worker stops; another goes on with the run. No attempt is spent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailed:
    """It failed; it is tried again after a pause, unless this was its last attempt."""

    error: str
    delay: float


End = Ended | Interrupted | HandedBack | AttemptFailed


async def finish(connection: AsyncConnection, lease: Lease, end: End, now: int) -> str | None:
    """End the claim, record how as the last of its events, and let go of the thread; return the queue whose workers
    have something to do now.

    A run that somebody has asked to end is not queued again and does not wait: it is cancelled. Repeated after its
    acknowledgement was lost, it changes nothing. Raises `LeaseLostError`.
    """
    which = (ThreadRow.id == lease.thread_id, ThreadRow.lease_id == lease.lease_id, ThreadRow.fence == lease.fence)
    if await connection.scalar(select(ThreadRow.id).where(*which).with_for_update()) is None:
        if await _was_done(connection, lease):
            return None
        raise LeaseLostError(run=lease.run_id, thread=lease.thread_id)
    changes = await _changes(connection, lease, end, now)
    await connection.execute(update(RunRow).where(RunRow.id == lease.run_id).values(**changes))
    event = _event_of(end, changes)
    row = event_row(lease.thread_id, lease.run_id, event, fence=lease.fence, seq=lease.next_event, now=now)
    await connection.execute(INSERT, [row])
    return await settle(connection, lease.thread_id, now, fence=ThreadRow.fence + 1, next_event=lease.next_event + 1)


def _event_of(end: End, changes: dict[str, Any]) -> QueueEvent:
    match RunStatus(changes["status"]), end:
        case RunStatus.SUCCEEDED, _:
            return RunSucceeded()
        case RunStatus.CANCELLED, _:
            return RunCancelled()
        case RunStatus.WAITING, Interrupted(interrupts=interrupts):
            return RunWaiting(interrupts=Sealed(interrupts))
        case RunStatus.QUEUED, AttemptFailed(error=error, delay=delay):
            return RunRetried(attempt=changes["attempt"], error=error, seconds=delay)
        case RunStatus.QUEUED, _:
            return RunHandedBack()
        case _:
            return RunFailed(error=changes["error"] or "")


async def _was_done(connection: AsyncConnection, lease: Lease) -> bool:
    """Return whether this claim was ended before. Whoever takes a run away gives it another fence."""
    mine = (RunRow.id == lease.run_id, RunRow.fence == lease.fence, RunRow.status != RunStatus.RUNNING.value)
    return await connection.scalar(select(RunRow.id).where(*mine)) is not None


async def _changes(connection: AsyncConnection, lease: Lease, end: End, now: int) -> dict[str, Any]:
    if not isinstance(end, Ended) and await _is_unwanted(connection, lease):
        end = Ended(status=RunStatus.CANCELLED)
    match end:
        case Ended():
            told = {"answer": shortened(end.answer), "error": end.error}
            return {"status": end.status.value, "ended_at": moment(now), "resume": None, "interrupts": None, **told}
        case Interrupted():
            waits: dict[str, Any] = {"wait_until": RunRow.answer_within + now, "resume": None}
            told = {"interrupts": end.interrupts, "answer": shortened(end.answer), "error": None}
            return {"status": RunStatus.WAITING.value, "ended_at": moment(now), **waits, **told}
        case HandedBack():
            return {"status": RunStatus.QUEUED.value, "not_before": now}
        case AttemptFailed():
            return await _next_attempt(connection, lease, end, now)


async def _is_unwanted(connection: AsyncConnection, lease: Lease) -> bool:
    """Return whether somebody has asked to end the run, and nobody shall begin it again."""
    return await connection.scalar(select(RunRow.cancel).where(RunRow.id == lease.run_id)) is not None


async def _next_attempt(connection: AsyncConnection, lease: Lease, end: AttemptFailed, now: int) -> dict[str, Any]:
    run = (await connection.execute(select(RunRow.attempt, RunRow.max_attempts).where(RunRow.id == lease.run_id))).one()
    spent = {"attempt": run.attempt + 1, "error": end.error}
    if run.attempt + 1 >= run.max_attempts:
        return {"status": RunStatus.FAILED.value, "ended_at": moment(now), "resume": None, **spent}
    return {"status": RunStatus.QUEUED.value, "not_before": now + round(end.delay * SECOND), **spent}
