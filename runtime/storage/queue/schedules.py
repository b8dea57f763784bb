"""`ScheduleBook`: the schedules in the database."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.runtime.bus.bus import Bus
from trunkline.runtime.bus.memory import MemoryBus
from trunkline.runtime.queue.schedule import Misfire, Schedule
from trunkline.runtime.queue.topics import queue_topic
from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.queue import scheduling
from trunkline.runtime.storage.queue.clock import DatabaseClock, ServerClock, moment
from trunkline.runtime.storage.queue.scheduling import Fired, ScheduleId
from trunkline.runtime.storage.queue_tables import ScheduleRow
from trunkline.runtime.storage.sealed import opened, schedule_place, seal_of
from trunkline.runtime.storage.writer import Writer


class ScheduleBook:
    """Declares, changes and fires schedules: one transaction a method, timed by the database's clock."""

    def __init__(
        self, engine: AsyncEngine, *, writer: Writer, bus: Bus | None = None, clock: DatabaseClock | None = None
    ) -> None:
        self._engine, self._writer = engine, writer
        self._bus, self._clock = bus or MemoryBus(), clock or ServerClock()

    async def declare(self, wanted: Schedule) -> None:
        """Put a schedule on record, or change the one of this name. Raises `ScheduleError`."""

        async def declare(connection: AsyncConnection) -> None:
            await scheduling.declare(connection, wanted, await self._clock.read(connection))

        try:
            await self._writer.write_alone(declare)
        except IntegrityError:  # somebody else has declared it at the same time
            await self._writer.write_alone(declare)

    async def remove(self, tenant: str, name: str) -> None:
        """Take a schedule off the record. Raises `UnknownScheduleError`."""
        await self._writer.write_alone(lambda connection: scheduling.remove(connection, tenant, name))

    async def pause(self, tenant: str, name: str, *, paused: bool) -> None:
        """Let a schedule rest, or go on. Raises `UnknownScheduleError`."""

        async def pause(connection: AsyncConnection) -> None:
            await scheduling.pause(connection, tenant, name, await self._clock.read(connection), paused=paused)

        await self._writer.write_alone(pause)

    async def all(self, tenant: str) -> list[Schedule]:
        """Return a tenant's schedules, by name."""
        wanted = select(ScheduleRow.__table__).where(ScheduleRow.tenant == tenant).order_by(ScheduleRow.name)
        async with self._engine.connect() as connection:
            return [_schedule(row, seal_of(connection)) for row in await connection.execute(wanted)]

    async def fire_next(self, passed: Collection[ScheduleId] = ()) -> Fired | None:
        """Submit what the schedule that has been due for longest wants; see `scheduling.fire_next`."""

        async def fire(connection: AsyncConnection) -> Fired | None:
            return await scheduling.fire_next(connection, await self._clock.read(connection), passed)

        fired = await self._writer.write_alone(fire)
        for ring in fired.rings if fired else ():
            await self._bus.publish(queue_topic(ring))
        return fired


def _schedule(row: Any, seal: Seal) -> Schedule:
    return Schedule(
        name=row.name,
        tenant=row.tenant,
        cron=row.cron,
        zone=row.zone,
        misfire=Misfire(row.misfire),
        thread_id=row.thread_id,
        graph=row.graph,
        reference=row.reference,
        given=opened(seal, row.given, schedule_place(row.tenant, row.name)),
        queue=row.queue,
        priority=row.priority,
        paused=row.paused,
        next_at=moment(row.next_at),
    )
