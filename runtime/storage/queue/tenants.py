"""`TenantBook`: what each tenant may use, and what it has."""

from __future__ import annotations

from typing import Any, Unpack

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.errors import TenantLimitError
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.queue.tenant import Tenant, TenantChanges
from trunkline.runtime.storage.queue_tables import TenantRow
from trunkline.runtime.storage.tables import RunRow, ThreadRow
from trunkline.runtime.storage.upsert import upsert
from trunkline.runtime.storage.writer import Writer

_LEAST = {"max_running": 1, "max_queued": 0}


class TenantBook:
    """Reads and changes the limits of tenants."""

    def __init__(self, engine: AsyncEngine, *, writer: Writer) -> None:
        self._engine, self._writer = engine, writer

    async def change(self, tenant: str, **changes: Unpack[TenantChanges]) -> None:
        """Change a tenant's limits; None takes one away. Raises `TenantLimitError`."""
        _check(changes)

        async def change(connection: AsyncConnection) -> None:
            await connection.execute(upsert(connection.dialect, TenantRow), [{"id": tenant}])
            if changes:
                await connection.execute(update(TenantRow).where(TenantRow.id == tenant).values(**changes))

        await self._writer.write_alone(change)

    async def all(self) -> list[Tenant]:
        """Return the tenants that have limits or threads, by id."""
        queued = select(RunRow.tenant, func.count().label("runs")).where(RunRow.status == RunStatus.QUEUED.value)
        leased = func.count().filter(ThreadRow.sched == "leased").label("threads")
        async with self._engine.connect() as connection:
            waiting = {row.tenant: row.runs for row in await connection.execute(queued.group_by(RunRow.tenant))}
            threads = await connection.execute(select(ThreadRow.tenant, leased).group_by(ThreadRow.tenant))
            running = {row.tenant: row.threads for row in threads}
            limits = {row.id: row for row in await connection.execute(select(TenantRow.__table__))}
        ids = sorted(waiting.keys() | running.keys() | limits.keys())
        return [_tenant(id_, limits.get(id_), waiting.get(id_, 0), running.get(id_, 0)) for id_ in ids]


def _tenant(id_: str, row: Any, queued: int, running: int) -> Tenant:
    if row is None:
        return Tenant(id=id_, queued=queued, running=running)
    return Tenant(
        id=id_,
        weight=row.weight,
        max_running=row.max_running,
        max_queued=row.max_queued,
        paused=row.paused,
        queued=queued,
        running=running,
    )


def _check(changes: TenantChanges) -> None:
    if not changes.get("weight", 1.0) > 0:
        raise TenantLimitError(limit="weight", value=changes.get("weight"), least="more than 0")
    for limit, least in _LEAST.items():
        value = changes.get(limit)
        if isinstance(value, int) and value < least:
            raise TenantLimitError(limit=limit, value=value, least=f"at least {least}, or none")
