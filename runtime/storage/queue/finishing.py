"""Ends a claim: the run is over, waits for an answer, or goes back to the mail of its thread."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import LeaseLostError
from trunkline.runtime.queue.happenings import (
    QueueEvent,
    RunCancelled,
    RunDied,
    RunFailed,
    RunHandedBack,
    RunRetried,
    RunSucceeded,
    RunWaiting,
    WorkerLost,
)
from trunkline.runtime.queue.lease import Lease
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.event_data import Sealed
from trunkline.runtime.storage.event_log import INSERT, event_row, next_number
from trunkline.runtime.storage.one_of import one_of
from trunkline.runtime.storage.queue.clock import SECOND, given, moment, within
from trunkline.runtime.storage.queue.crashing import after_crash
from trunkline.runtime.storage.queue.mailbox import settle_each
from trunkline.runtime.storage.run_rows import TEXTS, said
from trunkline.runtime.storage.sealed import closed, run_place, seal_of
from trunkline.runtime.storage.tables import RunRow, ThreadRow
from trunkline.runtime.storage.texts import shortened

_END_RUN = update(RunRow).where(RunRow.id == bindparam("the_run"))


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
    """What the event log tells of it."""

    questions: bytes | None = None
    """What is kept until they are answered; see `questions.asked`."""

    within: float | None = None
    """Seconds until it is given up. None: as long as the run was submitted to wait."""

    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedBack:
    """Its worker stops; another goes on with the run. No attempt is spent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailed:
    """It failed; it is tried again after a pause, unless this was its last attempt."""

    error: str
    delay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Crashed:
    """The process that served it died."""

    error: str


End = Ended | Interrupted | HandedBack | AttemptFailed | Crashed


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """A claim that ends."""

    lease: Lease
    end: End


async def finish(
    connection: AsyncConnection, claims: Sequence[Finish], fixed: int | None
) -> list[str | Exception | None]:
    """End the claims, record how as the last of their events, and let go of their threads; return for each the queue
    whose workers have something to do now.

    A run that somebody has asked to end is not queued again and does not wait: it is cancelled. Repeated after its
    acknowledgement was lost, the end changes nothing. A claim whose lease is lost gives `LeaseLostError`. `fixed` is
    what the clock shows, or None.
    """
    now, held = await _held(connection, claims, fixed)
    ending = [claim for claim in claims if claim.lease in held]
    if not ending:
        return [await _not_held(connection, claim.lease) for claim in claims]
    for lease in held:
        if lease.lent:
            lease.next_event = await next_number(connection, lease.thread_id)
    changed = [await _changes(connection, claim.lease, claim.end, now) for claim in ending]
    seal, ended = seal_of(connection), list(zip(ending, changed, strict=True))
    for alike in _alike([{"the_run": claim.lease.run_id, **_sealed(to, claim.lease, seal)} for claim, to in ended]):
        await connection.execute(_END_RUN, alike)
    await connection.execute(INSERT, [_event_row(claim, to, now, seal) for claim, to in ended])
    rings = await settle_each(connection, {claim.lease.thread_id: _freed(claim.lease) for claim in ending}, now)
    return [
        rings[claim.lease.thread_id] if claim.lease in held else await _not_held(connection, claim.lease)
        for claim in claims
    ]


def _freed(lease: Lease) -> dict[str, Any]:
    return {"fence": lease.fence + 1, "next_event": lease.next_event + 1}


def _event_row(claim: Finish, changes: dict[str, Any], now: int, seal: Seal) -> dict[str, Any]:
    lease, event = claim.lease, _event_of(claim.lease, claim.end, changes)
    place = {"fence": lease.fence, "seq": lease.next_event}
    return event_row(lease.thread_id, lease.run_id, event, **place, now=now, seal=seal)


def _sealed(changes: dict[str, Any], lease: Lease, seal: Seal) -> dict[str, Any]:
    """Return the changes as they are stored."""
    texts = {name: said(seal, lease.thread_id, lease.run_id, name, changes[name]) for name in TEXTS if name in changes}
    if interrupts := changes.get("interrupts"):
        place = run_place(lease.thread_id, lease.run_id, "interrupts")
        return changes | texts | {"interrupts": closed(seal, interrupts, place)}
    return changes | texts


def _event_of(lease: Lease, end: End, changes: dict[str, Any]) -> QueueEvent:
    match RunStatus(changes["status"]), end:
        case RunStatus.SUCCEEDED, _:
            return RunSucceeded()
        case RunStatus.CANCELLED, _:
            return RunCancelled()
        case RunStatus.WAITING, Interrupted(interrupts=interrupts):
            return RunWaiting(interrupts=Sealed(interrupts))
        case RunStatus.QUEUED, AttemptFailed(error=error, delay=delay):
            return RunRetried(attempt=changes["attempt"], error=error, seconds=delay)
        case RunStatus.QUEUED, Crashed():
            return WorkerLost(worker=lease.worker_id, crashes=changes["crashes"])
        case RunStatus.QUEUED, _:
            return RunHandedBack()
        case RunStatus.DEAD, _:
            return RunDied(error=changes["error"])
        case _:
            return RunFailed(error=changes["error"] or "")


async def _held(connection: AsyncConnection, claims: Sequence[Finish], fixed: int | None) -> tuple[int, set[Lease]]:
    """Return the time, and the leases that still stand; their threads are locked."""
    dialect = connection.dialect.name
    threads = list({claim.lease.thread_id for claim in claims})
    rows = (await connection.execute(_held_threads(dialect), {"threads": threads, **given(dialect, fixed)})).all()
    stand = {(row.id, row.fence, row.lease_id) for row in rows}
    leases = (claim.lease for claim in claims)
    held = {lease for lease in leases if (lease.thread_id, lease.fence, lease.lease_id) in stand}
    return rows[0].now if rows else 0, held


async def _not_held(connection: AsyncConnection, lease: Lease) -> LeaseLostError | None:
    """Return None for a claim that was ended before. Whoever takes a run away gives it another fence."""
    mine = (RunRow.id == lease.run_id, RunRow.fence == lease.fence, RunRow.status != RunStatus.RUNNING.value)
    if await connection.scalar(select(RunRow.id).where(*mine)) is not None:
        return None
    return LeaseLostError(run=lease.run_id, thread=lease.thread_id)


@cache
def _held_threads(dialect: str) -> Any:
    columns = (ThreadRow.id, ThreadRow.fence, ThreadRow.lease_id, within(dialect))
    held = select(*columns).where(one_of(ThreadRow.id, "threads", dialect))
    return held.order_by(ThreadRow.id).with_for_update()


def _alike(rows: Sequence[dict[str, Any]]) -> Collection[list[dict[str, Any]]]:
    """Return the rows that change the same columns together."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    return groups.values()


async def _changes(connection: AsyncConnection, lease: Lease, end: End, now: int) -> dict[str, Any]:
    match end:
        case Ended():
            return _over(end, now)
        case _:
            waits = (RunRow.cancel, RunRow.answer_within)
            again = (RunRow.attempt, RunRow.max_attempts, RunRow.reference, RunRow.crashes)
            run = (await connection.execute(select(*waits, *again).where(RunRow.id == lease.run_id))).one()
            if run.cancel is not None:  # nobody shall begin it again
                return _over(Ended(status=RunStatus.CANCELLED), now)
            return _put_back(run, end, now)


def _over(end: Ended, now: int) -> dict[str, Any]:
    told = {"answer": shortened(end.answer), "error": end.error}
    return {"status": end.status.value, "ended_at": moment(now), "resume": None, "interrupts": None, **told}


def _put_back(run: Any, end: Interrupted | HandedBack | AttemptFailed | Crashed, now: int) -> dict[str, Any]:
    match end:
        case Interrupted():
            within = run.answer_within if end.within is None else round(end.within * SECOND)
            waits: dict[str, Any] = {"interrupts": end.questions, "resume": None}
            waits |= {"wait_until": None if within is None else now + within}
            told = {"answer": shortened(end.answer), "error": None}
            return {"status": RunStatus.WAITING.value, "ended_at": moment(now), **waits, **told}
        case HandedBack():
            return {"status": RunStatus.QUEUED.value, "not_before": now}
        case AttemptFailed():
            spent = {"attempt": run.attempt + 1, "error": end.error}
            if run.attempt + 1 >= run.max_attempts:
                return {"status": RunStatus.FAILED.value, "ended_at": moment(now), "resume": None, **spent}
            return {"status": RunStatus.QUEUED.value, "not_before": now + round(end.delay * SECOND), **spent}
        case Crashed():
            return after_crash(run, now, error=end.error)
