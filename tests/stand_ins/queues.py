"""The queue of runs with a clock that a test sets, workers that are only names, and what its tables hold."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.runtime.queue.lease import Lease
from trunkline.runtime.queue.submission import Submission
from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.queue.claiming import Claimed
from trunkline.runtime.storage.queue.clock import SECOND
from trunkline.runtime.storage.queue.presence import WorkerInfo
from trunkline.runtime.storage.queue.queue import RunQueue
from trunkline.runtime.storage.queue_tables import TenantRow
from trunkline.runtime.storage.tables import RunRow, ThreadRow
from trunkline.runtime.storage.upsert import upsert
from trunkline.runtime.storage.url import parse_url
from trunkline.runtime.storage.writer import Writer


@dataclass(slots=True)
class ClockByHand:
    """A database's clock that stands still until it is moved."""

    now: int = 1_000_000 * SECOND

    @property
    def fixed(self) -> int:
        """Return what it shows."""
        return self.now

    def move(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.now += round(seconds * SECOND)

    async def read(self, connection: AsyncConnection) -> int:
        """Return microseconds since 1970."""
        del connection
        return self.now


@dataclass(slots=True, kw_only=True)
class QueueUnderTest:
    """A queue as one process has it."""

    engine: AsyncEngine
    queue: RunQueue
    clock: ClockByHand
    writer: Writer
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def arrive(self, *names: str, lease: float = 30.0) -> None:
        """Put workers on record."""
        for name in names:
            info = WorkerInfo(id=name, host="here", pid=1, version="0", queues=["default"], slots=4)
            await self.queue.arrive(info, lease=lease)

    def submission(self, thread: str = "t", **given: Any) -> Submission:
        """Return a run that can be submitted."""
        tenant = given.get("tenant", "")
        run_id = given.pop("run_id", None) or f"r{next(self._numbers):03}"
        fixed: dict[str, Any] = {"graph": "g", "reference": "g", "given": b"input", "asked": None, "trace_id": run_id}
        return Submission(run_id=run_id, thread_id=f"{tenant}/{thread}", **({**fixed, "tenant": tenant} | given))

    async def submit(self, thread: str = "t", **given: Any) -> str:
        """Submit a run and return its id."""
        return (await self.queue.submit(self.submission(thread, **given))).run_id

    async def claim(self, worker: str = "w", limit: int = 10) -> list[Claimed]:
        """Claim runs of the default queue."""
        return await self.queue.claim(worker, ["default"], limit=limit)

    async def claim_one(self, worker: str = "w") -> Lease:
        """Claim one run, which there must be, and return its lease."""
        (claimed,) = await self.claim(worker, 1)
        return claimed.lease

    async def allow(self, tenant: str, **limits: Any) -> None:
        """Set what a tenant may use."""
        async with self.engine.begin() as connection:
            made = upsert(connection.dialect, TenantRow, replacing=list(limits))
            await connection.execute(made, [{"id": tenant, **limits}])

    async def runs(self, *columns: str) -> dict[str, Any]:
        """Return these columns of each run by its id; a single one by itself."""
        async with self.engine.connect() as connection:
            rows = await connection.execute(select(RunRow.__table__).order_by(RunRow.id))
            return {row.id: _picked(row, columns) for row in rows}

    async def threads(self, *columns: str) -> dict[str, Any]:
        """Return these columns of each thread by its id; a single one by itself."""
        async with self.engine.connect() as connection:
            rows = await connection.execute(select(ThreadRow.__table__).order_by(ThreadRow.id))
            return {row.id: _picked(row, columns) for row in rows}


def _picked(row: Any, columns: tuple[str, ...]) -> Any:
    values = tuple(getattr(row, column) for column in columns)
    return values[0] if len(values) == 1 else values


@asynccontextmanager
async def queue_on(url: str, clock: ClockByHand | None = None) -> AsyncGenerator[QueueUnderTest]:
    """Open a queue on a database that has its tables, as a process of its own would."""
    engine, at = open_engine(parse_url(url)), clock or ClockByHand()
    try:
        async with Writer(engine) as writer:
            yield QueueUnderTest(engine=engine, queue=RunQueue(writer=writer, clock=at), clock=at, writer=writer)
    finally:
        await engine.dispose()
