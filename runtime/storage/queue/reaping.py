"""Takes threads away from workers that are dead, and lets others go on with their runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.queue.happenings import QueueEvent, RunCancelled, RunDied, RunFailed, RunHandedBack, WorkerLost
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.event_log import append_for
from trunkline.runtime.storage.queue.crashing import (
    ALONE_AFTER,
    MOST_CRASHES,
    MOST_DEATHS,
    after_crash,
    taken_back,
)
from trunkline.runtime.storage.queue.mailbox import settle
from trunkline.runtime.storage.queue_tables import WorkerRow
from trunkline.runtime.storage.tables import RunRow, ThreadRow


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
    lost = select(WorkerRow.__table__).where(WorkerRow.state != "dead", or_(*gone))
    rows = await connection.execute(lost.order_by(WorkerRow.id).with_for_update(skip_locked=True))
    workers = {row.id: row for row in rows}
    if not workers:
        return Reaped()
    await connection.execute(update(WorkerRow).where(WorkerRow.id.in_(workers)).values(state="dead"))
    taken = await _take(connection, ThreadRow.worker_id.in_(workers), now, dead=workers)
    return replace(taken, workers=list(workers))


async def give_back(connection: AsyncConnection, worker_id: str, now: int, *, keep: Collection[str] = ()) -> Reaped:
    """Take from a worker that lives what it does not know to have: `keep` are the ids of the leases that it knows of.

    It has claimed them, and the answer was lost on its way. No attempt is spent.
    """
    unknown = (ThreadRow.worker_id == worker_id, ThreadRow.lease_id.not_in(keep))
    return await _take(connection, and_(*unknown), now, dead={})


async def _take(connection: AsyncConnection, which: Any, now: int, *, dead: Mapping[str, Any]) -> Reaped:
    """Take threads from their workers, of which these are dead."""
    held = select(ThreadRow.id, ThreadRow.worker_id).where(which, ThreadRow.sched == "leased")
    threads = (await connection.execute(held.order_by(ThreadRow.id).with_for_update())).all()
    requeued: list[str] = []
    ended: list[str] = []
    rings: set[str] = set()
    for thread in threads:
        happened: list[tuple[str, QueueEvent]] = []
        for run in await _running(connection, thread.id):
            changes = _given_up(run, dead.get(thread.worker_id), now)
            taken = update(RunRow).where(RunRow.id == run.id).values(**changes, fence=RunRow.fence + 1)
            await connection.execute(taken)
            (requeued if changes["status"] == RunStatus.QUEUED.value else ended).append(run.id)
            happened += [(run.id, event) for event in _events_of(run, changes, crashed=thread.worker_id in dead)]
        await append_for(connection, thread.id, happened, now)
        if ring := await settle(connection, thread.id, now, fence=ThreadRow.fence + 1):
            rings.add(ring)
    return Reaped(requeued=requeued, ended=ended, rings=rings)


def _given_up(run: Any, dead: Any, now: int) -> dict[str, Any]:
    """Return what becomes of the run. One that was in a process of its own is not to blame for its worker's death."""
    if dead is None:
        return taken_back(run, now)
    was_alone = dead.alone and run.crashes >= ALONE_AFTER
    error = f"worker {dead.id} (process {dead.pid} on {dead.host}) died with it"
    return after_crash(run, now, error=error, most=MOST_DEATHS if was_alone else MOST_CRASHES)


async def _running(connection: AsyncConnection, thread_id: str) -> Sequence[Any]:
    columns = (RunRow.id, RunRow.reference, RunRow.crashes, RunRow.cancel, ThreadRow.worker_id)
    mine = (RunRow.thread_id == thread_id, RunRow.status == RunStatus.RUNNING.value, RunRow.fence > 0)
    wanted = select(*columns).join(ThreadRow, ThreadRow.id == RunRow.thread_id).where(*mine)
    return (await connection.execute(wanted)).all()


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
