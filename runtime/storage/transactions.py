"""Transactions: work on a connection, run where it costs least."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from random import random
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.errors import CommitUnknownError
from trunkline.runtime.storage.engine import WRITES, blocking_twin
from trunkline.runtime.storage.unreachable import is_unreachable
from trunkline.tools.backoff import Backoff

Result = TypeVar("Result")
Work = Callable[[AsyncConnection], Awaitable[Result]]
_BACKOFF = Backoff(base=0.05, cap=1.0)


class Transactions:
    """Runs work in transactions of a database. The work awaits nothing but its connection.

    A transaction runs from beginning to end in a thread: to go to the driver and back for each statement takes longer
    than most statements. With an engine that is not our own it runs on the event loop. Either way it comes to its end
    although whoever waits for it is cancelled: a connection that is dropped half way costs more than the answer.

    A connection that was lost while it lay in the pool is replaced. When the database is away or busy, the work is
    tried again for some time, and may so run more than once; of what was not committed nothing is left.
    """

    def __init__(self, engine: AsyncEngine, *, threads: int, wait: float = 0.0) -> None:
        """`threads` is how many transactions may run at once, `wait` for how many seconds to try again."""
        self._engine = engine
        self._wait = wait
        self._twin = blocking_twin(engine)
        self._reading, self._standing_alone = self._isolated("REPEATABLE READ"), self._isolated("AUTOCOMMIT")
        self._writing = self._with(WRITES)
        self._tasks = set[asyncio.Task[Any]]()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="transaction") if self._twin else None

    async def read(self, work: Work[Result]) -> Result:
        """Run work that only reads, all of it from one state of the database."""
        return await self._tried(work, self._reading, repeatable=True)

    async def write(self, work: Work[Result], *, repeatable: bool = False) -> Result:
        """Run work and commit it.

        Raises `CommitUnknownError` when the connection is lost on the way to the commit, unless the work may be
        repeated although it was committed.
        """
        return await self._tried(work, self._writing, repeatable=repeatable)

    async def at_once(self, work: Work[Result]) -> Result:
        """Run work whose statements each stand alone, so that no transaction is needed. It may be repeated."""
        return await self._tried(work, self._standing_alone, repeatable=True)

    async def aclose(self) -> None:
        """Wait for what is under way, and close the connections that are not the engine's."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._twin and self._threads:
            self._threads.shutdown()
            self._twin.dispose()

    def _isolated(self, level: str) -> Engine | AsyncEngine:
        """Return the engine at this level. SQLite's transactions see one state anyway, and cost no round trip."""
        return self._with({} if self._engine.dialect.name == "sqlite" else {"isolation_level": level})

    def _with(self, options: Mapping[str, Any]) -> Engine | AsyncEngine:
        return (self._twin or self._engine).execution_options(**options)

    async def _tried(self, work: Work[Result], engine: Engine | AsyncEngine, *, repeatable: bool) -> Result:
        """Run the work until it succeeds, fails for a reason of its own, or the time is up."""
        clock = asyncio.get_running_loop().time
        end = clock() + self._wait
        for attempt in count():
            try:
                return await self._run(work, engine)
            except (DBAPIError, CommitUnknownError) as error:
                if not is_unreachable(error) or (isinstance(error, CommitUnknownError) and not repeatable):
                    raise
                was_in_the_pool = attempt == 0 and _was_connected(error)
                pause = 0.0 if was_in_the_pool else _BACKOFF.seconds(attempt + 1, draw=random(), retry_after=None)
                if not was_in_the_pool and clock() + pause > end:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError

    async def _run(self, work: Work[Result], engine: Engine | AsyncEngine) -> Result:
        if isinstance(engine, Engine):
            return await asyncio.get_running_loop().run_in_executor(self._threads, run_blocking, engine, work)
        task = asyncio.create_task(_run_async(engine, work), name="transaction")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)


async def _run_async(engine: AsyncEngine, work: Work[Result]) -> Result:
    async with engine.connect() as connection:
        result = await work(connection)
        with _committing():
            await connection.commit()
        return result


def run_blocking(engine: Engine, work: Work[Result]) -> Result:
    """Run work in a transaction of its own, in this thread. The work awaits nothing but its connection."""
    with engine.connect() as connection:
        result = _result(work, connection)
        with _committing():
            connection.commit()
        return result


def _result(work: Work[Result], connection: Connection) -> Result:
    running = cast("Any", work(cast("AsyncConnection", _Awaitable(connection))))
    try:
        running.send(None)
    except StopIteration as stop:
        return cast("Result", stop.value)
    running.close()
    raise RuntimeError("work in a transaction awaited something else than its connection")


@contextmanager
def _committing() -> Generator[None]:
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated:
            raise CommitUnknownError from error
        raise


def _was_connected(error: Exception) -> bool:
    return isinstance(error, CommitUnknownError) or (isinstance(error, DBAPIError) and error.connection_invalidated)


class _Awaitable:
    """A blocking connection with the methods of an asynchronous one; awaiting them never waits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = self.sync_connection = connection
        self.dialect = connection.dialect

    async def execute(self, *args: Any) -> Any:
        return self._connection.execute(*args)

    async def exec_driver_sql(self, *args: Any) -> Any:
        return self._connection.exec_driver_sql(*args)

    async def scalar(self, *args: Any) -> Any:
        return self._connection.scalar(*args)

    async def scalars(self, *args: Any) -> Any:
        return self._connection.scalars(*args)
