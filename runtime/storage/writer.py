"""Group commit: writes that are ready together share one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.errors import NotOpenError
from trunkline.runtime.storage.engine import WRITES

Result = TypeVar("Result")
Work = Callable[[AsyncConnection], Awaitable[Result]]


@dataclass(slots=True)
class _Job(Generic[Result]):
    work: Work[Result]
    done: asyncio.Future[Result]


@dataclass(slots=True)
class _Row:
    """One row for a statement that takes many: rows that are ready together go in one round trip."""

    statement: Executable
    row: Mapping[str, Any]
    done: asyncio.Future[None]


class Writer:
    """The one task that writes to the database. Whatever waits when it is free goes into its next transaction.

    Nothing waits on a timer: a lone write is committed at once. In a transaction rows come before work. When one of
    several writes fails, each is tried alone, so that a write only ever answers for itself.
    """

    def __init__(self, engine: AsyncEngine, *, turn: AbstractAsyncContextManager[Any] | None = None) -> None:
        """`turn` is held during each transaction, where another writer in the process uses the same lock."""
        self._engine = engine.execution_options(**WRITES)
        self._turn = turn or nullcontext()
        self._waiting: list[_Job[Any] | _Row] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="writer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit what was posted so far, and take no more."""
        try:
            await self.flush()
        finally:
            task, self._task = self._task, None
            if task:
                task.cancel()
                await asyncio.wait([task])

    async def write(self, work: Work[Result]) -> Result:
        """Run the work in the next transaction and return its result once that is committed.

        The work may run twice, so it must touch nothing but its connection. Cancelled while waiting, it may still run.
        """
        job = _Job(work, asyncio.get_running_loop().create_future())
        self._put(job)
        return await asyncio.shield(job.done)

    def post(self, statement: Executable, row: Mapping[str, Any], *, urgent: bool = True) -> asyncio.Future[None]:
        """Put a row into the next transaction without waiting; the future tells how it went.

        Rows of the same statement object are sent together. One that is not urgent starts no transaction by itself: it
        goes with the next one that somebody waits for.
        """
        item = _Row(statement, row, asyncio.get_running_loop().create_future())
        self._put(item, urgent=urgent)
        return item.done

    async def flush(self) -> None:
        """Wait until everything posted so far is committed or has failed."""
        await self.write(_nothing)

    def _put(self, item: _Job[Any] | _Row, *, urgent: bool = True) -> None:
        if self._task is None:
            raise NotOpenError
        self._waiting.append(item)
        if urgent:
            self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(0)  # let everything that is ready in this pass of the loop come along
            self._wake.clear()
            taken, self._waiting = self._waiting, []
            await self._commit(taken)

    async def _commit(self, taken: list[_Job[Any] | _Row]) -> None:
        jobs = [item for item in taken if isinstance(item, _Job)]
        try:
            async with self._turn, self._engine.begin() as connection:
                for statement, rows in _by_statement(taken):
                    await connection.execute(statement, rows)
                results = [await job.work(connection) for job in jobs]
        except Exception as error:  # noqa: BLE001 - the edge of the writer's task: the error belongs to who waits
            await self._fail(taken, error)
        else:
            for item in taken:
                if isinstance(item, _Row) and not item.done.done():
                    item.done.set_result(None)
            for job, result in zip(jobs, results, strict=True):
                if not job.done.done():
                    job.done.set_result(result)

    async def _fail(self, taken: list[_Job[Any] | _Row], error: Exception) -> None:
        if len(taken) > 1:
            for item in taken:
                await self._commit([item])
        elif not taken[0].done.done():
            taken[0].done.set_exception(error)


def _by_statement(taken: list[_Job[Any] | _Row]) -> list[tuple[Executable, list[Mapping[str, Any]]]]:
    groups: dict[int, tuple[Executable, list[Mapping[str, Any]]]] = {}
    for item in taken:
        if isinstance(item, _Row):
            groups.setdefault(id(item.statement), (item.statement, []))[1].append(item.row)
    return list(groups.values())


async def _nothing(connection: AsyncConnection) -> None:
    del connection
