"""Schedules that are kept by a clock which stands still until it is moved."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, event, select

from stand_ins.manual_time import ManualTime
from stand_ins.processes import die
from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.queue.clock import SECOND
from trunkline.runtime.storage.queue.schedules import ScheduleBook
from trunkline.runtime.storage.tables import RunRow
from trunkline.runtime.storage.url import parse_url
from trunkline.runtime.storage.writer import Writer
from trunkline.runtime.workers.scheduler import Scheduler

EIGHT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Book:
    """A book of schedules with a clock of its own."""

    def __init__(self, engine: Any, writer: Writer) -> None:
        self._engine = engine
        self.clock = ManualTime(round(EIGHT.timestamp()) * SECOND)
        self.schedules = ScheduleBook(engine, writer=writer, clock=self.clock)
        self.scheduler = Scheduler(self.schedules)

    async def moments(self) -> list[str]:
        """Return the moments for which there are runs."""
        async with self._engine.connect() as connection:
            keys = await connection.scalars(select(RunRow.idempotency_key).order_by(RunRow.idempotency_key))
            return [str(key).removeprefix("schedule:report:2026-03-02T") for key in keys]


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Book]:
    engine = open_engine(parse_url(url))
    try:
        async with Writer(engine) as writer:
            yield Book(engine, writer)
    finally:
        await engine.dispose()


async def fire_and_die(url: str) -> None:
    """An hour later, die at the commit of what a schedule wants."""
    async with opened(url) as book:
        book.clock.move(3600)

        def committing(connection: Connection) -> None:
            die()

        event.listen(Engine, "commit", committing)
        await book.scheduler.look()
