"""Puts a run into the mail of its thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import ForeignThreadError, KeyTakenError, QueueFullError, ThreadBusyError
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.queue.submission import Policy, Submission
from trunkline.runtime.storage.queue.clock import SECOND, moment
from trunkline.runtime.storage.queue.mailbox import settle
from trunkline.runtime.storage.queue.stopping import Stopped, stop_all
from trunkline.runtime.storage.queue_tables import TenantRow
from trunkline.runtime.storage.tables import RunRow, ThreadRow
from trunkline.runtime.storage.texts import shortened
from trunkline.runtime.storage.upsert import upsert

_QUANTUM = SECOND
"""Microseconds of virtual time that a run of a tenant with weight 1 takes."""

_RETRY_AFTER = 1.0
_INSERT_RUN = insert(RunRow)
_OPEN = [RunStatus.RUNNING.value, RunStatus.QUEUED.value]


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
    tenant = await _locked_tenant(connection, wanted.tenant)
    if earlier := await _earlier(connection, wanted):
        return Submitted(run_id=earlier)
    await _require_room(connection, tenant)
    thread = await lock_thread(connection, wanted.thread_id, wanted.tenant, now)
    stopped = await _make_way(connection, wanted, now)
    not_before = now + round(wanted.delay * SECOND)
    row = _row(wanted, thread, now) | {"vtime": await _share(connection, tenant, now), "not_before": not_before}
    await connection.execute(_INSERT_RUN, [row])
    ring = await _mailed(connection, thread, row, now)
    return Submitted(run_id=wanted.run_id, ring=ring, stopped=stopped)


async def lock_thread(connection: AsyncConnection, thread_id: str, tenant: str, now: int) -> Any:
    """Return the thread's row, locked; a thread that is new is made. Raises `ForeignThreadError`."""
    wanted = select(ThreadRow.__table__).where(ThreadRow.id == thread_id).with_for_update()
    row = (await connection.execute(wanted)).first()
    if row is None:
        made = upsert(connection.dialect, ThreadRow)
        await connection.execute(made, [{"id": thread_id, "tenant": tenant, "created_at": moment(now)}])
        row = (await connection.execute(wanted)).one()
    if row.tenant != tenant:
        raise ForeignThreadError(thread=thread_id)
    return row


async def _locked_tenant(connection: AsyncConnection, tenant: str) -> Any:
    """Return the tenant's row, locked: its share, the number of its queued runs and its keys are exact so."""
    wanted = select(TenantRow.__table__).where(TenantRow.id == tenant).with_for_update()
    row = (await connection.execute(wanted)).first()
    if row is None:
        await connection.execute(upsert(connection.dialect, TenantRow), [{"id": tenant}])
        row = (await connection.execute(wanted)).one()
    return row


async def _share(connection: AsyncConnection, tenant: Any, now: int) -> int:
    """Return the run's place in the fair order: a tenant that asks for much has its later runs wait for others'.

    Start-time fair queueing (Goyal, Vin, Cheng 1996) with runs of equal size.
    """
    vtime = max(tenant.vfinish, now)
    finish = vtime + round(_QUANTUM / tenant.weight)
    await connection.execute(update(TenantRow).where(TenantRow.id == tenant.id).values(vfinish=finish))
    return vtime


async def _require_room(connection: AsyncConnection, tenant: Any) -> None:
    if tenant.max_queued is None:
        return
    of_tenant = (RunRow.status == RunStatus.QUEUED.value, RunRow.tenant == tenant.id)
    queued = int(await connection.scalar(select(func.count()).where(*of_tenant)) or 0)
    if queued >= tenant.max_queued:
        raise QueueFullError(tenant=tenant.id, queued=queued, retry_after=_RETRY_AFTER)


async def _earlier(connection: AsyncConnection, wanted: Submission) -> str | None:
    if wanted.key is None:
        return None
    same = (RunRow.tenant == wanted.tenant, RunRow.idempotency_key == wanted.key)
    columns = (RunRow.id, RunRow.thread_id, RunRow.reference, RunRow.given)
    row = (await connection.execute(select(*columns).where(*same))).first()
    if row is None:
        return None
    if (row.reference, row.given) != (wanted.reference, wanted.given):
        raise KeyTakenError(key=wanted.key, run=row.id)
    return row.id


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
    counted = {"next_seq": thread.next_seq + 1}
    if thread.sched == "leased":
        await connection.execute(update(ThreadRow).where(ThreadRow.id == thread.id).values(**counted))
        return None
    return await settle(connection, thread.id, now, **counted)


def _row(wanted: Submission, thread: Any, now: int) -> dict[str, Any]:
    return {
        "id": wanted.run_id,
        "thread_id": wanted.thread_id,
        "tenant": wanted.tenant,
        "graph": wanted.graph,
        "status": RunStatus.QUEUED.value,
        "trace_id": wanted.trace_id,
        "asked": shortened(wanted.asked),
        "started_at": moment(now),
        "queued_at": moment(now),
        "seq": thread.next_seq,
        "reference": wanted.reference,
        "given": wanted.given,
        "queue": wanted.queue,
        "priority": wanted.priority,
        "max_attempts": wanted.max_attempts,
        "idempotency_key": wanted.key,
    }
