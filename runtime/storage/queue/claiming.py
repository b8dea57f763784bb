"""Gives threads to workers: their next run begins, under a lease that no one has had before."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import WorkerDeadError
from trunkline.runtime.queue.lease import Lease
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.queue.clock import moment
from trunkline.runtime.storage.queue.mailbox import due_or_begun, settle
from trunkline.runtime.storage.queue.submitting import lock_thread
from trunkline.runtime.storage.queue_tables import TenantRow, WorkerRow
from trunkline.runtime.storage.run_rows import Run, row_of, run_of
from trunkline.runtime.storage.tables import RunRow, ThreadRow

_INSERT_RUN = insert(RunRow)
_ENDED_WELL = frozenset({RunStatus.SUCCEEDED.value, RunStatus.WAITING.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A run that may begin now, and its lease."""

    run: Run
    lease: Lease
    clean: bool
    """Whether the thread's last run before this one ended well, or there was none."""

    next_event: int
    """The number of the thread's next event."""

    reference: str | None = None
    given: bytes | None = None
    resume: bytes | None = None
    begun: bool = False
    """Whether the run was claimed before: its worker died or was stopped, an attempt failed, or it was answered."""


async def claim(
    connection: AsyncConnection, worker_id: str, queues: Sequence[str], *, limit: int, now: int
) -> list[Claimed]:
    """Lease up to `limit` threads that are ready, by priority, then fairly by tenant; their next runs are running.

    Raises `WorkerDeadError`.
    """
    await require_alive(connection, worker_id)
    room = await _room(connection)
    full = [tenant for tenant, slots in room.items() if slots < 1]
    ready = [ThreadRow.sched == "ready", ThreadRow.queue.in_(queues), ThreadRow.ready_at <= now]
    wanted = select(ThreadRow.__table__).where(*ready, ThreadRow.tenant.not_in(full))
    order = (ThreadRow.rank, ThreadRow.vtime, ThreadRow.ready_at)
    threads = await connection.execute(wanted.order_by(*order).limit(limit).with_for_update(skip_locked=True))
    claimed: list[Claimed] = []
    for thread in threads.all():
        if thread.tenant in room:
            room[thread.tenant] -= 1
            if room[thread.tenant] < 0:
                continue
        if one := await _begin_next(connection, thread, worker_id, now):
            claimed.append(one)
    return claimed


async def begin(connection: AsyncConnection, run: Run, worker_id: str, now: int) -> Claimed | None:
    """Put a run on record and begin it at once, before what waits in the thread's mail.

    None when somebody has the thread. Raises `ForeignThreadError`, `WorkerDeadError`.
    """
    thread = await lock_thread(connection, run.thread_id, run.tenant, now)
    if thread.sched == "leased":
        return None
    lease = _lease(thread, run.id, worker_id)
    clean = await _ended_well(connection, thread, run.id)
    row = row_of(run) | {"seq": thread.next_seq, "fence": lease.fence}
    await connection.execute(_INSERT_RUN, [row])
    await _lease_to(connection, lease, next_seq=thread.next_seq + 1)
    return Claimed(run=run, lease=lease, clean=clean, next_event=thread.next_event)


async def require_alive(connection: AsyncConnection, worker_id: str) -> None:
    """Hold the worker's row, so that nobody declares it dead meanwhile. Raises `WorkerDeadError`."""
    wanted = select(WorkerRow.state).where(WorkerRow.id == worker_id).with_for_update(read=True)
    if await connection.scalar(wanted) in {None, "dead"}:
        raise WorkerDeadError(worker=worker_id)


async def _room(connection: AsyncConnection) -> Counter[str]:
    """Return how many threads more each tenant with a limit may have leased; its row is locked until the commit.

    A tenant whose row somebody else has gets none this time.
    """
    limited = or_(TenantRow.max_running.is_not(None), TenantRow.paused)
    known = set(await connection.scalars(select(TenantRow.id).where(limited)))
    if not known:
        return Counter()
    wanted = select(TenantRow.id, TenantRow.max_running, TenantRow.paused).where(TenantRow.id.in_(known))
    locked = (await connection.execute(wanted.order_by(TenantRow.id).with_for_update(skip_locked=True))).all()
    leased = select(ThreadRow.tenant, func.count().label("threads")).where(
        ThreadRow.sched == "leased", ThreadRow.tenant.in_(known)
    )
    rows = await connection.execute(leased.group_by(ThreadRow.tenant))
    taken = {row.tenant: row.threads for row in rows}
    room = Counter(dict.fromkeys(known, 0))
    for tenant in locked:
        most = 0 if tenant.paused else tenant.max_running
        room[tenant.id] = most - taken.get(tenant.id, 0) if most is not None else 1_000_000
    return room


async def _begin_next(connection: AsyncConnection, thread: Any, worker_id: str, now: int) -> Claimed | None:
    queued = (RunRow.status == RunStatus.QUEUED.value, RunRow.thread_id == thread.id, due_or_begun(now))
    row = (await connection.execute(select(RunRow.__table__).where(*queued).order_by(RunRow.seq).limit(1))).first()
    if row is None:
        await settle(connection, thread.id, now)
        return None
    lease = _lease(thread, row.id, worker_id)
    clean = await _ended_well(connection, thread, row.id)
    begun = {"status": RunStatus.RUNNING.value, "fence": lease.fence, "started_at": moment(now), "cancel": None}
    await connection.execute(update(RunRow).where(RunRow.id == row.id).values(**begun))
    await _lease_to(connection, lease)
    return Claimed(
        run=replace(run_of(row), status=RunStatus.RUNNING, started_at=moment(now)),
        lease=lease,
        clean=clean,
        next_event=thread.next_event,
        reference=row.reference,
        given=row.given,
        resume=row.resume,
        begun=row.fence > 0,
    )


async def _ended_well(connection: AsyncConnection, thread: Any, run_id: str) -> bool:
    """Return whether the thread's last run before this one ended well, or there was none."""
    if thread.next_seq == 1:
        return True
    others = (RunRow.thread_id == thread.id, RunRow.id != run_id, RunRow.status != RunStatus.QUEUED.value)
    last = select(RunRow.status).where(*others).order_by(RunRow.seq.desc(), RunRow.started_at.desc()).limit(1)
    return await connection.scalar(last) in {None, *_ENDED_WELL}


def _lease(thread: Any, run_id: str, worker_id: str) -> Lease:
    return Lease(
        thread_id=thread.id,
        run_id=run_id,
        worker_id=worker_id,
        fence=thread.fence + 1,
        lease_id=secrets.token_hex(8),
    )


async def _lease_to(connection: AsyncConnection, lease: Lease, **changes: Any) -> None:
    held = {"sched": "leased", "worker_id": lease.worker_id, "fence": lease.fence, "lease_id": lease.lease_id}
    await connection.execute(update(ThreadRow).where(ThreadRow.id == lease.thread_id).values(**held, **changes))
