"""Transactions: work on a connection, run where it costs least."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.runtime.storage.engine import WRITES, blocking_twin

Result = TypeVar("Result")
Work = Callable[[AsyncConnection], Awaitable[Result]]


class Transactions:
    """Runs work in transactions of a database. The work awaits nothing but its connection.

    A transaction runs from beginning to end in a thread: to go to the driver and back for each statement takes longer
    than most statements. With an engine that is not our own it runs on the event loop. Either way it comes to its end
    although whoever waits for it is cancelled: a connection that is dropped half way costs more than the answer.
    """

    def __init__(self, engine: AsyncEngine, *, threads: int) -> None:
        """`threads` is how many transactions may run at once."""
        self._engine = engine
        self._twin = blocking_twin(engine)
        self._tasks = set[asyncio.Task[Any]]()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="transaction") if self._twin else None

    async def read(self, work: Work[Result]) -> Result:
        """Run work that only reads, all of it from one state of the database."""
        snapshot = {} if self._engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        if self._twin and self._threads:
            return await self._in_thread(self._twin.execution_options(**snapshot), work)
        return await self._in_task(self._engine.execution_options(**snapshot), work)

    async def write(self, work: Work[Result]) -> Result:
        """Run work and commit it."""
        if self._twin and self._threads:
            return await self._in_thread(self._twin.execution_options(**WRITES), work)
        return await self._in_task(self._engine.execution_options(**WRITES), work)

    async def aclose(self) -> None:
        """Wait for what is under way, and close the connections that are not the engine's."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._twin and self._threads:
            self._threads.shutdown()
            self._twin.dispose()

    async def _in_thread(self, engine: Engine, work: Work[Result]) -> Result:
        running = asyncio.get_running_loop().run_in_executor(self._threads, run_blocking, engine, work)
        return await running

    async def _in_task(self, engine: AsyncEngine, work: Work[Result]) -> Result:
        task = asyncio.create_task(_run_async(engine, work), name="transaction")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)


async def _run_async(engine: AsyncEngine, work: Work[Result]) -> Result:
    async with engine.begin() as connection:
        return await work(connection)


def run_blocking(engine: Engine, work: Work[Result]) -> Result:
    """Run work in a transaction of its own, in this thread. The work awaits nothing but its connection."""
    with engine.begin() as connection:
        running = cast("Any", work(cast("AsyncConnection", _Awaitable(connection))))
        try:
            running.send(None)
        except StopIteration as stop:
            return cast("Result", stop.value)
        running.close()
        raise RuntimeError("work in a transaction awaited something else than its connection")


class _Awaitable:
    """A blocking connection with the methods of an asynchronous one; awaiting them never waits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.dialect = connection.dialect

    async def execute(self, *args: Any) -> Any:
        return self._connection.execute(*args)

    async def scalar(self, *args: Any) -> Any:
        return self._connection.scalar(*args)

    async def scalars(self, *args: Any) -> Any:
        return self._connection.scalars(*args)
