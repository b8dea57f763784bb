"""Locks rows in the one order that all transactions keep, where several writes share a transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.storage.queue_tables import TenantRow, WorkerRow
from trunkline.runtime.storage.tables import ThreadRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Locks:
    """The rows that a write will lock, by their ids."""

    workers: frozenset[str] = field(default_factory=frozenset[str])
    tenants: frozenset[str] = field(default_factory=frozenset[str])
    """Those whose row is locked in any case."""

    limited: frozenset[str] = field(default_factory=frozenset[str])
    """Tenants whose row is locked if the number of their queued runs is limited."""

    threads: frozenset[str] = field(default_factory=frozenset[str])


def together(locks: Iterable[Locks]) -> Locks:
    """Return what all of them lock."""
    every = list(locks)
    return Locks(
        workers=frozenset[str]().union(*(each.workers for each in every)),
        tenants=frozenset[str]().union(*(each.tenants for each in every)),
        limited=frozenset[str]().union(*(each.limited for each in every)),
        threads=frozenset[str]().union(*(each.threads for each in every)),
    )


async def lock(connection: AsyncConnection, locks: Locks) -> None:
    """Lock the rows: workers, tenants, threads, each by their ids."""
    if locks.workers:
        workers = select(WorkerRow.id).where(WorkerRow.id.in_(locks.workers)).order_by(WorkerRow.id)
        await connection.execute(workers.with_for_update(read=True))
    if locks.tenants or locks.limited:
        limited = and_(TenantRow.id.in_(locks.limited), TenantRow.max_queued.is_not(None))
        tenants = select(TenantRow.id).where(or_(TenantRow.id.in_(locks.tenants), limited)).order_by(TenantRow.id)
        await connection.execute(tenants.with_for_update())
    if locks.threads:
        threads = select(ThreadRow.id).where(ThreadRow.id.in_(locks.threads)).order_by(ThreadRow.id)
        await connection.execute(threads.with_for_update())
