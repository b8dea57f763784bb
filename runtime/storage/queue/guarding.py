"""Checks leases in the transaction that writes under them."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.queue.lease import Lease
from trunkline.runtime.storage.queue_tables import WorkerRow
from trunkline.runtime.storage.tables import ThreadRow


async def lost_leases(connection: AsyncConnection, leases: Collection[Lease]) -> set[Lease]:
    """Return the leases that their holders no longer have; the others' rows are held until the commit.

    A released lease, whose run has ended, counts as long as its worker lives.
    """
    live = {lease.thread_id: lease for lease in leases if not lease.released}
    lost = {lease for lease in leases if not lease.released and live[lease.thread_id] is not lease}
    return lost | await _moved_on(connection, live) | await _of_the_dead(connection, leases)


async def _moved_on(connection: AsyncConnection, live: dict[str, Lease]) -> set[Lease]:
    if not live:
        return set()
    columns = (ThreadRow.id, ThreadRow.fence, ThreadRow.lease_id)
    leased = select(*columns).where(ThreadRow.id.in_(live), ThreadRow.sched == "leased")
    rows = await connection.execute(leased.order_by(ThreadRow.id).with_for_update(read=True))
    held = {row.id for row in rows if (row.fence, row.lease_id) == (live[row.id].fence, live[row.id].lease_id)}
    return {lease for thread_id, lease in live.items() if thread_id not in held}


async def _of_the_dead(connection: AsyncConnection, leases: Collection[Lease]) -> set[Lease]:
    late = [lease for lease in leases if lease.released]
    if not late:
        return set()
    workers = sorted({lease.worker_id for lease in late})
    living = select(WorkerRow.id).where(WorkerRow.id.in_(workers), WorkerRow.state != "dead")
    alive = set(await connection.scalars(living.order_by(WorkerRow.id).with_for_update(read=True)))
    return {lease for lease in late if lease.worker_id not in alive}
