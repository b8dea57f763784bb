"""Gives threads to workers: their next run begins, under a lease that no one has had before."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from zlib import crc32

from langchain_core.utils.uuid import uuid7
from sqlalchemy import BigInteger, String, bindparam, exists, func, insert, not_, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from trunkline.errors import LeaseLostError, WorkerDeadError
from trunkline.runtime.events import RunStarted
from trunkline.runtime.queue.lease import Lease
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.event_log import INSERT, event_row, next_number
from trunkline.runtime.storage.one_of import one_of
from trunkline.runtime.storage.queue.answering import gone_on
from trunkline.runtime.storage.queue.clock import given, moment, within
from trunkline.runtime.storage.queue.mailbox import DUE_OR_BEGUN, settle
from trunkline.runtime.storage.queue.submitting import lock_thread
from trunkline.runtime.storage.queue_tables import TenantRow, WorkerRow
from trunkline.runtime.storage.run_rows import Run, row_of, run_of
from trunkline.runtime.storage.sealed import seal_of
from trunkline.runtime.storage.tables import NewsRow, RunRow, ThreadRow

_INSERT_RUN = insert(RunRow)
_BEGIN_RUN = update(RunRow).where(RunRow.id == bindparam("the_run"))
_LEASE_THREAD = update(ThreadRow).where(ThreadRow.id == bindparam("the_thread"))
_CLAIM_FOR = text("SELECT pg_advisory_xact_lock(:space, key) FROM unnest(CAST(:keys AS integer[])) AS key")
_LOCK_SPACE = 0x7275_6E73
"""Keeps the locks of tenants apart from other advisory locks."""

_ENDED_WELL = frozenset({None, RunStatus.SUCCEEDED.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A run that may begin now, and its lease."""

    run: Run
    lease: Lease
    clean: bool
    """Whether the thread's last run before this one ended well, or there was none."""

    news: bool
    """Whether the thread's conversation must be told something."""

    reference: str | None = None
    given: bytes | None = None
    resume: bytes | None = None
    """The answers to what it waited for."""

    interrupts: bytes | None = None
    """What it waited for last."""

    begun: bool = False
    """Whether the run was claimed before: its worker died or was stopped, an attempt failed, or it was answered."""

    @property
    def started(self) -> RunStarted:
        """What the event log tells of the claim."""
        run = self.run
        attempt, worker = run.attempt + 1, self.lease.worker_id
        return RunStarted(run_id=run.id, thread_id=run.thread, attempt=attempt, worker=worker)


async def claim(
    connection: AsyncConnection, worker_id: str, queues: Sequence[str], *, limit: int, fixed: int | None
) -> list[Claimed]:
    """Lease up to `limit` threads that are ready, by priority, then fairly by tenant; their next runs are running.

    `fixed` is what the clock shows, or None. Raises `WorkerDeadError`.
    """
    now, limits = await _limits(connection, worker_id, fixed)
    room = await _room(connection, limits)
    claimed: list[Claimed] = []
    while len(claimed) < limit:
        full = [tenant for tenant, slots in room.items() if slots < 1]
        threads = await _ready(connection, queues, full, limit=limit - len(claimed), now=now)
        if not threads:
            break
        chosen = [thread for thread in threads if _takes_slot(room, thread.tenant)]
        claimed += await _begin_each(connection, chosen, queues, worker_id, now)
        if len(chosen) == len(threads):
            break
    return claimed


async def begin(connection: AsyncConnection, run: Run, worker_id: str, now: int, *, answers: bool) -> Claimed | None:
    """Put a run on record and begin it at once, before what waits in the thread's mail.

    `answers` says whether it brings the answer that the thread's last run waits for. None when somebody has the thread.
    Repeated after its acknowledgement was lost, it returns the same claim. Raises `ForeignThreadError`,
    `WorkerDeadError`.
    """
    await _require_alive(connection, worker_id)
    thread = await lock_thread(connection, run.thread_id, run.tenant, now)
    before = (await connection.execute(_PAST, {"thread": thread.id, "run": run.id})).one()

    def claimed(lease: Lease) -> Claimed:
        clean = before.status_before in _ENDED_WELL
        return Claimed(run=run, lease=lease, clean=clean, news=before.news)

    if thread.sched == "leased":
        earlier = await _begun_before(connection, thread, run, worker_id)
        return claimed(earlier) if earlier else None
    lease = _lease(thread, run.id, worker_id)
    if before.waits:
        await gone_on(connection, [thread.id], now, answers=answers)
    row = row_of(run, seal_of(connection)) | {"seq": thread.next_seq, "fence": lease.fence}
    await connection.execute(_INSERT_RUN, [row])
    counted = update(ThreadRow).where(ThreadRow.id == thread.id).values(next_seq=thread.next_seq + 1)
    await connection.execute(counted)
    await connection.execute(_LEASE_THREAD, [_leased(lease)])
    await _tell(connection, [begun := claimed(lease)], now)
    return begun


async def take_over(connection: AsyncConnection, lease: Lease) -> Claimed:
    """Return what another process has claimed under this lease, to serve it in its place. Raises `LeaseLostError`."""
    held = (ThreadRow.id == lease.thread_id, ThreadRow.fence == lease.fence, ThreadRow.lease_id == lease.lease_id)
    runs = RunRow.__table__
    before = (_last_before(runs.c.thread_id, runs.c.id).label("status_before"), _has_news(runs.c.thread_id))
    wanted = select(runs, *before).join(ThreadRow.__table__, runs.c.thread_id == ThreadRow.id)
    row = (await connection.execute(wanted.where(runs.c.id == lease.run_id, *held))).first()
    if row is None:
        raise LeaseLostError(run=lease.run_id, thread=lease.thread_id)
    lease.next_event = await next_number(connection, lease.thread_id)
    return Claimed(
        run=run_of(row, seal_of(connection)),
        lease=lease,
        clean=row.status_before in _ENDED_WELL,
        news=row.news,
        reference=row.reference,
        given=row.given,
        resume=row.resume,
        interrupts=row.interrupts,
        begun=True,
    )


async def _begun_before(connection: AsyncConnection, thread: Any, run: Run, worker_id: str) -> Lease | None:
    """Return the lease of a run that this worker has begun, if it is this one that has the thread."""
    this = (RunRow.id == run.id, RunRow.status == RunStatus.RUNNING.value, RunRow.fence == thread.fence)
    if thread.worker_id != worker_id or await connection.scalar(select(RunRow.id).where(*this)) is None:
        return None
    return Lease(
        thread_id=thread.id,
        run_id=run.id,
        worker_id=worker_id,
        fence=thread.fence,
        lease_id=thread.lease_id,
        next_event=thread.next_event + 1,
    )


async def _require_alive(connection: AsyncConnection, worker_id: str) -> None:
    """Hold the worker's row, so that nobody declares it dead meanwhile. Raises `WorkerDeadError`."""
    if await connection.scalar(_STATE, {"worker": worker_id}) in {None, "dead"}:
        raise WorkerDeadError(worker=worker_id)


async def _limits(connection: AsyncConnection, worker_id: str, fixed: int | None) -> tuple[int, dict[str, int]]:
    """Return the time, and how many threads each tenant with a limit may have leased. The worker's row is held.

    Raises `WorkerDeadError`.
    """
    dialect = connection.dialect.name
    rows = (await connection.execute(_limited(dialect), {"worker": worker_id, **given(dialect, fixed)})).all()
    if not rows or rows[0].state == "dead":
        raise WorkerDeadError(worker=worker_id)
    return rows[0].now, {row.id: 0 if row.paused else row.max_running for row in rows if row.id is not None}


async def _room(connection: AsyncConnection, limits: Mapping[str, int]) -> dict[str, int]:
    """Return how many threads more each tenant with a limit may have leased. Other claims for them wait."""
    counted = [tenant for tenant, most in limits.items() if most]
    if not counted:
        return dict(limits)
    if connection.dialect.name == "postgresql":
        keys = sorted(crc32(tenant.encode()) - 2**31 for tenant in counted)
        await connection.execute(_CLAIM_FOR, {"space": _LOCK_SPACE, "keys": keys})
    leased = await connection.execute(_leased_threads(connection.dialect.name), {"tenants": counted})
    taken = {row.tenant: row.threads for row in leased}
    return {tenant: most - taken.get(tenant, 0) for tenant, most in limits.items()}


async def _ready(
    connection: AsyncConnection, queues: Sequence[str], full: Sequence[str], *, limit: int, now: int
) -> Sequence[Any]:
    wanted = {"queues": list(queues), "full": list(full), "limit": limit, "now": now}
    return (await connection.execute(_ready_threads(connection.dialect.name), wanted)).all()


def _takes_slot(room: dict[str, int], tenant: str) -> bool:
    if tenant not in room:
        return True
    room[tenant] -= 1
    return room[tenant] >= 0


async def _begin_each(
    connection: AsyncConnection, threads: Sequence[Any], queues: Sequence[str], worker_id: str, now: int
) -> list[Claimed]:
    """Begin the next run of each thread. One whose next run is for another queue by now takes its place there."""
    nexts = await _next_runs(connection, [thread.id for thread in threads], now)
    claimed: list[Claimed] = []
    waited: list[str] = []
    for thread in threads:
        row = nexts.get(thread.id)
        if row is None or row.queue not in queues:
            await settle(connection, thread.id, now)
        else:
            claimed.append(_claimed(thread, row, worker_id, now, seal_of(connection)))
            if row.waits:
                waited.append(thread.id)
    if waited:
        await gone_on(connection, waited, now, answers=False)
    if claimed:
        await connection.execute(_BEGIN_RUN, [_begun(one) for one in claimed])
        await connection.execute(_LEASE_THREAD, [_leased(one.lease) for one in claimed])
        await _tell(connection, claimed, now)
    return claimed


async def _tell(connection: AsyncConnection, claimed: Iterable[Claimed], now: int) -> None:
    """Record that the runs have started, as the first of what happens under their leases."""
    seal, rows = seal_of(connection), list[dict[str, Any]]()
    for one in claimed:
        lease, place = one.lease, {"fence": one.lease.fence, "seq": one.lease.next_event}
        rows.append(event_row(lease.thread_id, lease.run_id, one.started, **place, now=now, seal=seal))
        lease.next_event += 1
    await connection.execute(INSERT, rows)


async def _next_runs(connection: AsyncConnection, thread_ids: Sequence[str], now: int) -> dict[str, Any]:
    """Return the next run of each thread, the status of the one before it, and whether there is news."""
    wanted = {"threads": list(thread_ids), "now": now}
    rows = await connection.execute(_heads(connection.dialect.name), wanted)
    return {row.thread_id: row for row in rows}


def _claimed(thread: Any, row: Any, worker_id: str, now: int, seal: Seal) -> Claimed:
    trace_id = row.trace_id if row.fence == 0 else str(uuid7())  # each time it is claimed is a trace of its own
    return Claimed(
        run=replace(run_of(row, seal), status=RunStatus.RUNNING, started_at=moment(now), trace_id=trace_id),
        lease=_lease(thread, row.id, worker_id),
        clean=row.status_before in _ENDED_WELL,
        news=row.news,
        reference=row.reference,
        given=row.given,
        resume=row.resume,
        interrupts=row.interrupts,
        begun=row.fence > 0,
    )


def _begun(claimed: Claimed) -> dict[str, Any]:
    run = claimed.run
    return {
        "the_run": run.id,
        "status": run.status.value,
        "fence": claimed.lease.fence,
        "started_at": run.started_at,
        "trace_id": run.trace_id,
    }


def _waits(thread_id: Any) -> Any:
    """Return whether a run of the thread waits for an answer."""
    runs = aliased(RunRow)
    return exists().where(runs.thread_id == thread_id, runs.status == RunStatus.WAITING.value).label("waits")


def _last_before(thread_id: Any, run_id: Any) -> Any:
    """Return the status of the last run of the thread that has begun, beside this one."""
    runs = aliased(RunRow)
    others = (runs.thread_id == thread_id, runs.id != run_id, runs.status != RunStatus.QUEUED.value)
    return (
        select(runs.status).where(*others).order_by(runs.seq.desc(), runs.started_at.desc()).limit(1).scalar_subquery()
    )


def _has_news(thread_id: Any) -> Any:
    """Return whether the thread's conversation must be told something."""
    return exists().where(NewsRow.thread_id == thread_id, NewsRow.told_by.is_(None)).label("news")


def _lease(thread: Any, run_id: str, worker_id: str) -> Lease:
    return Lease(
        thread_id=thread.id,
        run_id=run_id,
        worker_id=worker_id,
        fence=thread.fence + 1,
        lease_id=secrets.token_hex(8),
        next_event=thread.next_event,
    )


def _leased(lease: Lease) -> dict[str, Any]:
    return {
        "the_thread": lease.thread_id,
        "sched": "leased",
        "worker_id": lease.worker_id,
        "fence": lease.fence,
        "lease_id": lease.lease_id,
    }


@cache
def _leased_threads(dialect: str) -> Any:
    held = (ThreadRow.sched == "leased", one_of(ThreadRow.tenant, "tenants", dialect))
    return select(ThreadRow.tenant, func.count().label("threads")).where(*held).group_by(ThreadRow.tenant)


@cache
def _ready_threads(dialect: str) -> Any:
    due = ThreadRow.ready_at <= bindparam("now", type_=BigInteger)
    ready = (ThreadRow.sched == "ready", one_of(ThreadRow.queue, "queues", dialect), due)
    wanted = select(ThreadRow.__table__).where(*ready, not_(one_of(ThreadRow.tenant, "full", dialect)))
    order = (ThreadRow.rank, ThreadRow.vtime, ThreadRow.ready_at)
    return wanted.order_by(*order).limit(bindparam("limit")).with_for_update(skip_locked=True)


@cache
def _heads(dialect: str) -> Any:
    queued = (RunRow.status == RunStatus.QUEUED.value, RunRow.thread_id == ThreadRow.id, DUE_OR_BEGUN)
    head = select(RunRow.id).where(*queued).order_by(RunRow.seq).limit(1).correlate(ThreadRow).scalar_subquery()
    runs = RunRow.__table__
    before = _last_before(runs.c.thread_id, runs.c.id).label("status_before")
    more = (_has_news(runs.c.thread_id), _waits(runs.c.thread_id))
    wanted = select(runs, before, *more).join_from(ThreadRow.__table__, runs, runs.c.id == head)
    return wanted.where(one_of(ThreadRow.id, "threads", dialect))


_THREAD, _RUN = bindparam("thread", type_=String), bindparam("run", type_=String)
_PAST = select(_last_before(_THREAD, _RUN).label("status_before"), _has_news(_THREAD), _waits(_THREAD))
_STATE = select(WorkerRow.state).where(WorkerRow.id == bindparam("worker")).with_for_update(read=True)


@cache
def _limited(dialect: str) -> Any:
    columns = (WorkerRow.state, TenantRow.id, TenantRow.max_running, TenantRow.paused, within(dialect))
    limited = or_(TenantRow.max_running.is_not(None), TenantRow.paused)
    wanted = select(*columns).select_from(WorkerRow).outerjoin(TenantRow, limited)
    return wanted.where(WorkerRow.id == bindparam("worker")).with_for_update(read=True, of=WorkerRow)
