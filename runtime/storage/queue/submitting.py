"""Puts a run into the mail of its thread."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Integer, String, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import ForeignThreadError, KeyTakenError, QueueFullError, ThreadBusyError
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.queue.submission import Policy, Submission
from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.queue.clock import SECOND, moment
from trunkline.runtime.storage.queue.locking import Locks
from trunkline.runtime.storage.queue.mailbox import ready, settle
from trunkline.runtime.storage.queue.patience import seconds_to_drain
from trunkline.runtime.storage.queue.stopping import Stopped, stop_all
from trunkline.runtime.storage.queue_tables import TenantRow
from trunkline.runtime.storage.run_rows import said
from trunkline.runtime.storage.sealed import closed, opened, run_place, seal_of
from trunkline.runtime.storage.tables import RunRow, ThreadRow
from trunkline.runtime.storage.texts import shortened
from trunkline.runtime.storage.upsert import upsert

QUANTUM = SECOND
"""Microseconds of virtual time that a run of a tenant with weight 1 takes."""

_INSERT_RUN = insert(RunRow)
_OPEN = [RunStatus.RUNNING.value, RunStatus.QUEUED.value]
_THREAD = select(ThreadRow.__table__).where(ThreadRow.id == bindparam("thread")).with_for_update()
_TENANT = select(TenantRow.id).where(TenantRow.id == bindparam("tenant")).with_for_update()
_COUNT_IN = update(ThreadRow).where(ThreadRow.id == bindparam("the_thread"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What became of a submission."""

    run_id: str
    ring: str | None = None
    """The queue whose workers have something to do now."""

    stopped: Stopped | None = None
    """What had to make way."""


async def submit(connection: AsyncConnection, wanted: Submission, now: int) -> Submitted:
    """Queue the run, or find the one that was submitted with its key before.

    Raises `ForeignThreadError`, `KeyTakenError`, `QueueFullError`, `ThreadBusyError`.
    """
    share = await _share(connection, wanted, now)
    if wanted.key is not None or share.max_queued is not None:
        await _lock_tenant(connection, wanted.tenant)
    if earlier := await _earlier(connection, wanted):
        return Submitted(run_id=earlier)
    await _require_room(connection, wanted.tenant, share.max_queued)
    thread = await lock_thread(connection, wanted.thread_id, wanted.tenant, now)
    stopped = await _make_way(connection, wanted, now)
    row = row_of(wanted, thread.next_seq, now, seal_of(connection)) | {"vtime": _place(share, now)}
    await connection.execute(_INSERT_RUN, [row])
    ring = await _mailed(connection, thread, row, now)
    return Submitted(run_id=wanted.run_id, ring=ring, stopped=stopped)


def locks_of(wanted: Submission) -> Locks:
    """Return what a submission locks."""
    tenant = frozenset({wanted.tenant})
    keyed = tenant if wanted.key is not None else frozenset[str]()
    return Locks(tenants=keyed, limited=tenant, threads=frozenset({wanted.thread_id}))


async def lock_thread(connection: AsyncConnection, thread_id: str, tenant: str, now: int) -> Any:
    """Return the thread's row, locked; a thread that is new is made. Raises `ForeignThreadError`."""
    row = (await connection.execute(_THREAD, {"thread": thread_id})).first()
    if row is None:
        new = {"id": thread_id, "tenant": tenant, "created_at": moment(now)}
        row = (await connection.execute(_new_thread(connection.dialect.name), [new])).first()
        row = row or (await connection.execute(_THREAD, {"thread": thread_id})).one()
    if row.tenant != tenant:
        raise ForeignThreadError(thread=thread_id)
    return row


async def _lock_tenant(connection: AsyncConnection, tenant: str) -> None:
    """Lock the tenant's row: the number of its queued runs and its keys are exact so."""
    if await connection.scalar(_TENANT, {"tenant": tenant}) is None:
        await connection.execute(upsert(connection.dialect, TenantRow), [{"id": tenant}])
        await connection.execute(_TENANT, {"tenant": tenant})


async def _share(connection: AsyncConnection, wanted: Submission, now: int) -> Any:
    """Return what the tenant may have queued, and what its place in the fair order follows from.

    Only runs of the same queue and priority compete: `turn` is the place of the one among them whose turn it is, `last`
    that of the tenant's own last one.
    """
    its = {"tenant": wanted.tenant, "queue": wanted.queue, "priority": wanted.priority, "now": now}
    return (await connection.execute(_SHARE, its)).one()


def _place(share: Any, now: int) -> int:
    """Return the run's place in the fair order: a tenant that asks for much has its later runs wait for others'.

    Start-time fair queueing (Goyal, Vin, Cheng 1996) with runs of equal size.
    """
    turn = now if share.turn is None else share.turn
    return turn if share.last is None else max(turn, share.last + round(QUANTUM / (share.weight or 1.0)))


async def _require_room(connection: AsyncConnection, tenant: str, max_queued: int | None) -> None:
    if max_queued is None:
        return
    of_tenant = (RunRow.status == RunStatus.QUEUED.value, RunRow.tenant == tenant)
    queued = int(await connection.scalar(select(func.count()).where(*of_tenant)) or 0)
    if queued >= max_queued:
        patience = await seconds_to_drain(connection, tenant, queued)
        raise QueueFullError(tenant=tenant, queued=queued, retry_after=patience)


async def _earlier(connection: AsyncConnection, wanted: Submission) -> str | None:
    if wanted.key is None:
        return None
    same = (RunRow.tenant == wanted.tenant, RunRow.idempotency_key == wanted.key)
    columns = (RunRow.id, RunRow.thread_id, RunRow.reference, RunRow.given)
    row = (await connection.execute(select(*columns).where(*same))).first()
    if row is None:
        return None
    erased = row.given is None
    given = None if erased else opened(seal_of(connection), row.given, run_place(row.thread_id, row.id, "given"))
    if not erased and (row.reference, given) != (wanted.reference, wanted.given):
        raise KeyTakenError(key=wanted.key, run=row.id)
    return str(row.id)


async def _make_way(connection: AsyncConnection, wanted: Submission, now: int) -> Stopped | None:
    match wanted.policy:
        case Policy.ENQUEUE:
            return None
        case Policy.REJECT:
            mine = (RunRow.thread_id == wanted.thread_id, RunRow.status.in_(_OPEN))
            if busy := await connection.scalar(select(RunRow.id).where(*mine).limit(1)):
                raise ThreadBusyError(thread=wanted.thread_id, run=busy)
            return None
        case Policy.INTERRUPT | Policy.ROLLBACK:
            how = "rollback" if wanted.policy is Policy.ROLLBACK else "cancel"
            return await stop_all(connection, wanted.thread_id, now, how=how)


async def _mailed(connection: AsyncConnection, thread: Any, row: dict[str, Any], now: int) -> str | None:
    """Count the run in, and make the thread ready unless somebody has it; return the queue to ring."""
    counted = {"next_seq": row["seq"] + 1}
    if thread.sched == "ready":
        return await settle(connection, thread.id, now, **counted)
    if thread.sched == "idle":  # it is the only one
        counted |= ready(**{name: row[name] for name in ("queue", "priority", "vtime", "not_before")})
    await connection.execute(_COUNT_IN, [{"the_thread": thread.id, **counted}])
    return row["queue"] if thread.sched == "idle" and row["not_before"] <= now else None


def row_of(wanted: Submission, seq: int, now: int, seal: Seal) -> dict[str, Any]:
    """Return the columns of a run that is queued, but for its place in the fair order."""
    return {
        "id": wanted.run_id,
        "thread_id": wanted.thread_id,
        "tenant": wanted.tenant,
        "graph": wanted.graph,
        "status": RunStatus.QUEUED.value,
        "trace_id": wanted.trace_id,
        "asked": said(seal, wanted.thread_id, wanted.run_id, "asked", shortened(wanted.asked)),
        "started_at": moment(now),
        "queued_at": moment(now),
        "seq": seq,
        "reference": wanted.reference,
        "given": closed(seal, wanted.given, run_place(wanted.thread_id, wanted.run_id, "given")),
        "queue": wanted.queue,
        "priority": wanted.priority,
        "max_attempts": wanted.max_attempts,
        "answer_within": None if wanted.answer_within is None else round(wanted.answer_within * SECOND),
        "idempotency_key": wanted.key,
        "not_before": now + round(wanted.delay * SECOND),
    }


@cache
def _new_thread(dialect: str) -> Any:
    return upsert(dialect, ThreadRow).returning(ThreadRow.__table__)


def share_columns(now: Any) -> Any:
    """Return the columns of a tenant's share, as `_share` tells it, at the time `now`."""
    queue, priority = bindparam("queue", type_=String), bindparam("priority", type_=Integer)
    rank = (ThreadRow.queue == queue, ThreadRow.rank == -priority)
    due = (ThreadRow.sched == "ready", ThreadRow.ready_at <= now)
    first = select(func.min(ThreadRow.vtime)).where(*rank, *due)
    served = select(func.max(ThreadRow.vtime)).where(*rank, ThreadRow.sched == "leased")
    mine = (RunRow.status == RunStatus.QUEUED.value, RunRow.tenant == bindparam("tenant"))
    last = select(func.max(RunRow.vtime)).where(*mine, RunRow.queue == queue, RunRow.priority == priority)
    of_tenant = TenantRow.id == bindparam("tenant")
    return (
        select(TenantRow.weight).where(of_tenant).scalar_subquery().label("weight"),
        select(TenantRow.max_queued).where(of_tenant).scalar_subquery().label("max_queued"),
        func.coalesce(first.scalar_subquery(), served.scalar_subquery()).label("turn"),
        last.scalar_subquery().label("last"),
    )


_SHARE = select(*share_columns(bindparam("now", type_=BigInteger)))
