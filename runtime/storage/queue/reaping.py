"""Takes threads away from workers that are dead, and lets others go on with their runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.queue.happenings import QueueEvent, RunCancelled, RunDied, RunFailed, RunHandedBack, WorkerLost
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.event_log import append_for
from trunkline.runtime.storage.queue.clock import moment
from trunkline.runtime.storage.queue.mailbox import settle
from trunkline.runtime.storage.queue_tables import WorkerRow
from trunkline.runtime.storage.tables import RunRow, ThreadRow

MOST_CRASHES = 3
"""A run that has taken so many workers down is not tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaped:
    """What a pass of the reaper did."""

    workers: Sequence[str] = ()
    requeued: Sequence[str] = ()
    ended: Sequence[str] = ()
    """Runs that are over now: dead, cancelled, or of a process that nobody can go on for."""

    rings: Collection[str] = field(default_factory=frozenset[str])


async def reap(connection: AsyncConnection, now: int, *, known_dead: Collection[str], expired: bool) -> Reaped:
    """Declare workers dead: those that are known to be, and with `expired` those whose lease is over.

    Their threads go back to the queue under a new fencing token, so that whatever they still write is refused.
    """
    gone = [WorkerRow.id.in_(known_dead), *([WorkerRow.lease_until < now] if expired else [])]
    lost = select(WorkerRow.id).where(WorkerRow.state != "dead", or_(*gone))
    rows = await connection.scalars(lost.order_by(WorkerRow.id).with_for_update(skip_locked=True))
    workers = rows.all()
    if not workers:
        return Reaped()
    await connection.execute(update(WorkerRow).where(WorkerRow.id.in_(workers)).values(state="dead"))
    taken = await _take(connection, ThreadRow.worker_id.in_(workers), now, crashed=True)
    return replace(taken, workers=workers)


async def give_back(connection: AsyncConnection, worker_id: str, now: int, *, keep: Collection[str] = ()) -> Reaped:
    """Take from a worker that lives what it does not know to have: `keep` are the ids of the leases that it knows of.

    It has claimed them, and the answer was lost on its way. No attempt is spent.
    """
    unknown = (ThreadRow.worker_id == worker_id, ThreadRow.lease_id.not_in(keep))
    return await _take(connection, and_(*unknown), now, crashed=False)


async def _take(connection: AsyncConnection, which: Any, now: int, *, crashed: bool) -> Reaped:
    held = select(ThreadRow.id).where(which, ThreadRow.sched == "leased")
    threads = (await connection.scalars(held.order_by(ThreadRow.id).with_for_update())).all()
    requeued: list[str] = []
    ended: list[str] = []
    rings: set[str] = set()
    for thread_id in threads:
        happened: list[tuple[str, QueueEvent]] = []
        for run in await _running(connection, thread_id):
            changes = _given_up(run, now, crashed=crashed)
            await connection.execute(update(RunRow).where(RunRow.id == run.id).values(**changes))
            (requeued if changes["status"] == RunStatus.QUEUED.value else ended).append(run.id)
            happened += [(run.id, event) for event in _events_of(run, changes, crashed=crashed)]
        await append_for(connection, thread_id, happened, now)
        if ring := await settle(connection, thread_id, now, fence=ThreadRow.fence + 1):
            rings.add(ring)
    return Reaped(requeued=requeued, ended=ended, rings=rings)


async def _running(connection: AsyncConnection, thread_id: str) -> Sequence[Any]:
    columns = (RunRow.id, RunRow.reference, RunRow.crashes, RunRow.cancel, ThreadRow.worker_id)
    mine = (RunRow.thread_id == thread_id, RunRow.status == RunStatus.RUNNING.value, RunRow.fence > 0)
    wanted = select(*columns).join(ThreadRow, ThreadRow.id == RunRow.thread_id).where(*mine)
    return (await connection.execute(wanted)).all()


def _given_up(run: Any, now: int, *, crashed: bool) -> dict[str, Any]:
    """Return what becomes of a run that is taken from its worker."""
    crashes = run.crashes + 1 if crashed else run.crashes
    changes: dict[str, Any] = {"crashes": crashes, "fence": RunRow.fence + 1}
    if run.cancel is not None:
        changes |= {"status": RunStatus.CANCELLED.value, "ended_at": moment(now)}
    elif run.reference is None:
        error = "the process that ran it died; run the thread with None to go on from what was finished"
        changes |= {"status": RunStatus.FAILED.value, "ended_at": moment(now), "error": error}
    elif crashes >= MOST_CRASHES:
        error = f"its worker died with it {crashes} times"
        changes |= {"status": RunStatus.DEAD.value, "ended_at": moment(now), "error": error}
    else:
        changes |= {"status": RunStatus.QUEUED.value, "not_before": now}
    return changes


def _events_of(run: Any, changes: dict[str, Any], *, crashed: bool) -> Iterator[QueueEvent]:
    yield WorkerLost(worker=run.worker_id, crashes=changes["crashes"]) if crashed else RunHandedBack()
    match changes["status"]:
        case RunStatus.CANCELLED.value:
            yield RunCancelled()
        case RunStatus.FAILED.value:
            yield RunFailed(error=changes["error"])
        case RunStatus.DEAD.value:
            yield RunDied(error=changes["error"])
        case _:
            pass
