"""Checks leases in the transaction that writes under them."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.queue.lease import Lease
from trunkline.runtime.storage.one_of import one_of
from trunkline.runtime.storage.queue.locking import Leased
from trunkline.runtime.storage.queue_tables import WorkerRow
from trunkline.runtime.storage.tables import ThreadRow

_GIVEN = ("id", "fence", "lease_id")


async def lost_leases(
    connection: AsyncConnection, leases: Collection[Lease], leased: Collection[Leased] | None = None
) -> set[Lease]:
    """Return the leases that their holders no longer have; the others' rows are held until the commit.

    A released lease, whose run has ended, counts as long as its worker lives. `leased` is what is known of the threads
    of the others, whose rows the transaction has locked.
    """
    late = {lease for lease in leases if lease.released}
    live = {*leases} - late
    held = await _held(connection, live) if leased is None else leased
    moved_on = {lease for lease in live if (lease.thread_id, lease.fence, lease.lease_id) not in held}
    return await _of_the_dead(connection, late) | moved_on


def leased_as(prefix: str) -> Any:
    """Return, within a statement of PostgreSQL's, the ids of the threads that are leased as these leases say.

    Their rows are held until the commit. The parameters are `lease_parameters` of the same prefix.
    """
    thread = ThreadRow.__table__.c
    types = {name: thread[name].type for name in _GIVEN}
    arrays = [bindparam(f"{prefix}_{name}", type_=ARRAY(kind)) for name, kind in types.items()]
    lease = func.unnest(*arrays).table_valued(*(column(name, kind) for name, kind in types.items())).render_derived()
    same = (thread.id == lease.c.id, thread.fence == lease.c.fence, thread.lease_id == lease.c.lease_id)
    leased = select(thread.id).join(lease, and_(*same)).where(thread.sched == "leased").order_by(thread.id)
    return leased.with_for_update(read=True, of=ThreadRow)


def lease_parameters(prefix: str, leases: Collection[Lease]) -> dict[str, Any]:
    """Return what a statement with `leased_as` is given."""
    columns = zip(*((lease.thread_id, lease.fence, lease.lease_id) for lease in leases), strict=True)
    return {f"{prefix}_{name}": list(values) for name, values in zip(_GIVEN, columns, strict=True)}


async def _of_the_dead(connection: AsyncConnection, late: Collection[Lease]) -> set[Lease]:
    if not late:
        return set()
    workers = list({lease.worker_id for lease in late})
    alive = set(await connection.scalars(_living(connection.dialect.name), {"workers": workers}))
    return {lease for lease in late if lease.worker_id not in alive}


async def _held(connection: AsyncConnection, live: Collection[Lease]) -> set[Leased]:
    if not live:
        return set()
    threads = list({lease.thread_id for lease in live})
    rows = await connection.execute(_leased(connection.dialect.name), {"threads": threads})
    return {(row.id, row.fence, row.lease_id) for row in rows}


@cache
def _living(dialect: str) -> Any:
    living = select(WorkerRow.id).where(one_of(WorkerRow.id, "workers", dialect), WorkerRow.state != "dead")
    return living.order_by(WorkerRow.id).with_for_update(read=True)


@cache
def _leased(dialect: str) -> Any:
    mine = (one_of(ThreadRow.id, "threads", dialect), ThreadRow.sched == "leased")
    leased = select(ThreadRow.id, ThreadRow.fence, ThreadRow.lease_id).where(*mine)
    return leased.order_by(ThreadRow.id).with_for_update(read=True)
