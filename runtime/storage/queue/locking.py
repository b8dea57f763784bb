"""Locks rows in the one order that all transactions keep, where several writes share a transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.storage.one_of import one_of
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


Leased = tuple[str, int, str]
"""A thread that is leased: its id, its fence and the lease's id."""


async def lock(connection: AsyncConnection, locks: Locks) -> set[Leased]:
    """Lock the rows: workers, tenants, threads, each by their ids. Return which of the threads are leased."""
    workers, tenants, threads = _statements(connection.dialect.name)
    if locks.workers:
        await connection.execute(workers, {"workers": list(locks.workers)})
    if locks.tenants or locks.limited:
        await connection.execute(tenants, {"tenants": list(locks.tenants), "limited": list(locks.limited)})
    if not locks.threads:
        return set()
    rows = await connection.execute(threads, {"threads": list(locks.threads)})
    return {(row.id, row.fence, row.lease_id) for row in rows if row.sched == "leased"}


@cache
def _statements(dialect: str) -> tuple[Any, Any, Any]:
    workers = select(WorkerRow.id).where(one_of(WorkerRow.id, "workers", dialect)).order_by(WorkerRow.id)
    limited = and_(one_of(TenantRow.id, "limited", dialect), TenantRow.max_queued.is_not(None))
    tenants = select(TenantRow.id).where(or_(one_of(TenantRow.id, "tenants", dialect), limited)).order_by(TenantRow.id)
    columns = (ThreadRow.id, ThreadRow.fence, ThreadRow.lease_id, ThreadRow.sched)
    threads = select(*columns).where(one_of(ThreadRow.id, "threads", dialect)).order_by(ThreadRow.id)
    return workers.with_for_update(read=True), tenants.with_for_update(), threads.with_for_update()
