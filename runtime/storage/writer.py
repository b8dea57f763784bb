"""Group commit: writes that are ready together share one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from sqlalchemy import Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.errors import CommitUnknownError, LeaseLostError, NotOpenError
from trunkline.runtime.queue.lease import Lease, held_lease
from trunkline.runtime.storage.queue.guarding import lost_leases
from trunkline.runtime.storage.queue.locking import Locks, lock, together
from trunkline.runtime.storage.transactions import Result, Transactions, Work
from trunkline.runtime.storage.unreachable import is_unreachable

Item = TypeVar("Item")
SharedWork = Callable[[AsyncConnection, Sequence[Item]], Awaitable[Sequence[Result | Exception]]]
"""Writes many items and returns the result of each; an exception is the item's own, the others stand."""

WorkAtOnce = Callable[
    [AsyncConnection, Sequence[Item], Collection[Lease]], Awaitable[Sequence[Result | Exception] | None]
]
"""Does the same with one statement that writes, under these leases, or writes nothing and returns None: then it takes a
transaction."""

_IN_THE_WAY = frozenset({"40001", "40P01"})
"""PostgreSQL's codes for a transaction that could not be serialised, and for one of those in a deadlock."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """A write whose lease was lost."""

    lease: Lease

    def told(self) -> LeaseLostError:
        """Tell whoever holds the lease, and return what the write raises."""
        self.lease.refuse()
        return LeaseLostError(run=self.lease.run_id, thread=self.lease.thread_id)


@dataclass(slots=True)
class _Job(Generic[Result]):
    work: Work[Result]
    done: asyncio.Future[Result]
    lease: Lease | None
    locks: Locks | None = None
    alone: bool = False


@dataclass(slots=True)
class _Row:
    """One row for a statement that takes many: rows that are ready together go in one round trip."""

    statement: Executable
    row: Mapping[str, Any]
    done: asyncio.Future[None]
    lease: Lease | None


@dataclass(slots=True)
class _Share(Generic[Result]):
    """One item for work that takes many: those that are ready together are handed over together."""

    work: SharedWork[Any, Result]
    at_once: WorkAtOnce[Any, Result] | None
    item: Any
    done: asyncio.Future[Result]
    lease: Lease | None
    locks: Locks | None = None
    releases: Lease | None = None


_Waiting = _Job[Any] | _Row | _Share[Any]


class Writer:
    """The one task that writes to the database. Whatever waits when it is free goes into its next transaction.

    Nothing waits on a timer: a lone write is committed at once. In a transaction rows come before shared work,
    and that before work. When one of
    several writes fails, each is tried alone, so that a write only ever answers for itself. When the database is away,
    all fail.

    What a task writes that holds a lease is written only while it has it, which the same transaction checks; else it
    raises `LeaseLostError`.
    """

    def __init__(self, engine: AsyncEngine, *, wait_for_database: float = 0.0) -> None:
        """`wait_for_database` is for how many seconds to try again when the database is away or busy."""
        self._transactions = Transactions(engine, threads=1, wait=wait_for_database)
        self.embedded = engine.dialect.name == "sqlite"
        """Whether it writes to an embedded database."""

        self._waiting: list[_Waiting] = []
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
            await self._transactions.aclose()

    async def write(self, work: Work[Result], *, locks: Locks | None = None) -> Result:
        """Run the work in the next transaction and return its result once that is committed.

        The work may run twice, so it must touch nothing but its connection. Cancelled while waiting, it may still run.
        `locks` are the rows of the queue that it locks: they are locked at the beginning of the transaction that it
        shares, because two transactions that lock the same rows in different orders wait for each other.
        """
        return await self._answer(_Job(work, asyncio.get_running_loop().create_future(), held_lease(), locks))

    async def write_alone(self, work: Work[Result]) -> Result:
        """Run the work like `write`, in a transaction of its own: it finds out on its way which rows it locks."""
        job = _Job(work, asyncio.get_running_loop().create_future(), held_lease(), alone=True)
        return await self._answer(job)

    async def release(self, lease: Lease, work: SharedWork[Item, Result], item: Item, *, locks: Locks) -> Result:
        """Share the work that ends the lease, and so checks it itself; once committed, the lease is released.

        It comes after all other shared work, and is released before anything else is written: what still comes of the
        run is late from then on.
        """
        done = asyncio.get_running_loop().create_future()
        return await self._answer(_Share(work, None, item, done, None, locks, releases=lease))

    def post(self, statement: Executable, row: Mapping[str, Any], *, urgent: bool = True) -> asyncio.Future[None]:
        """Put a row into the next transaction without waiting; the future tells how it went.

        Rows of the same statement object are sent together. One that is not urgent starts no transaction by itself: it
        goes with the next one that somebody waits for.
        """
        item = _Row(statement, row, asyncio.get_running_loop().create_future(), held_lease())
        self._put(item, urgent=urgent)
        return item.done

    async def share(
        self,
        work: SharedWork[Item, Result],
        item: Item,
        *,
        at_once: WorkAtOnce[Item, Result] | None = None,
        locks: Locks | None = None,
    ) -> Result:
        """Hand the item to the work, with those of other callers that are ready, and return its result once committed.

        As with `write`, a cancelled caller's item may still be written. The work may run again although it was
        committed: the answer may have been lost with the connection. `at_once` is tried first where there is nothing
        else to commit.
        """
        return await asyncio.shield(self.hand(work, item, at_once=at_once, locks=locks))

    def hand(
        self,
        work: SharedWork[Item, Result],
        item: Item,
        *,
        at_once: WorkAtOnce[Item, Result] | None = None,
        locks: Locks | None = None,
    ) -> asyncio.Future[Result]:
        """Do as `share` does without waiting; the future, which nobody may cancel, gives the result."""
        done = asyncio.get_running_loop().create_future()
        self._put(_Share(work, at_once, item, done, held_lease(), locks))
        return done

    async def flush(self) -> None:
        """Wait until everything posted so far is committed or has failed."""
        await self.write(_nothing)

    async def _answer(self, item: _Job[Result] | _Share[Result]) -> Result:
        self._put(item)
        return await asyncio.shield(item.done)

    def _put(self, item: _Waiting, *, urgent: bool = True) -> None:
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
            for item in taken:
                if _is_alone(item):
                    await self._commit([item])
            if shared := [item for item in taken if not _is_alone(item)]:
                await self._commit(shared)

    async def _commit(self, taken: list[_Waiting]) -> None:
        try:
            results = await self._committed(taken)
        except Exception as error:  # noqa: BLE001 - the edge of the writer's task: the error belongs to who waits
            await self._fail(taken, error)
        else:
            for item, result in results:
                if isinstance(item, _Share) and item.releases and not isinstance(result, Exception):
                    item.releases.release()
                _settle(item.done, result)

    async def _committed(self, taken: list[_Waiting]) -> list[tuple[_Waiting, Any]]:
        shares = [item for item in taken if isinstance(item, _Share)]
        if len(shares) < len(taken):
            return await self._transactions.write(lambda connection: _write(connection, taken))
        if results := await self._at_once(shares):
            return results
        return await self._transactions.write(lambda connection: _write(connection, taken), repeatable=True)

    async def _at_once(self, shares: list[_Share[Any]]) -> list[tuple[_Waiting, Any]] | None:
        work = shares[0].at_once
        if work is None or any(share.at_once != work for share in shares):
            return None
        leases = {share.lease for share in shares if share.lease}
        if any(lease.released for lease in leases):
            return None
        items = [share.item for share in shares]
        outcomes = await self._transactions.at_once(lambda connection: work(connection, items, leases))
        return None if outcomes is None else list(zip(shares, outcomes, strict=True))

    async def _fail(self, taken: list[_Waiting], error: Exception) -> None:
        again = len(taken) > 1 or _was_in_the_way(error)
        for item in taken:
            if again and _may_be_repeated(item, error):
                await self._commit([item])
            else:
                _settle(item.done, error)


def _may_be_repeated(item: _Waiting, error: Exception) -> bool:
    """Whether to try the item alone, after it has failed with others."""
    if isinstance(error, CommitUnknownError):
        return isinstance(item, _Share)
    return not is_unreachable(error)


async def _write(connection: AsyncConnection, asked: list[_Waiting]) -> list[tuple[_Waiting, Any]]:
    leases = {item.lease for item in asked if item.lease}
    locks = [item.locks for item in asked if not isinstance(item, _Row) and item.locks]
    leased = None
    if locks and len(locks) + len(leases) > 1:
        leased = await lock(connection, together([*locks, *map(_guarded, leases)]))
    lost = await lost_leases(connection, leases, leased) if leases else set[Lease]()
    taken = [item for item in asked if item.lease not in lost]
    results: list[tuple[_Waiting, Any]] = [
        (item, _Refused(item.lease)) for item in asked if item.lease and item.lease in lost
    ]
    for statement, rows in _by_statement(taken):
        await connection.execute(statement, [item.row for item in rows])
        results += [(item, None) for item in rows]
    for work, shares in _by_work(taken):
        outcomes = await work(connection, [share.item for share in shares])
        results += zip(shares, outcomes, strict=True)
    results += [(item, await item.work(connection)) for item in taken if isinstance(item, _Job)]
    return results


def _guarded(lease: Lease) -> Locks:
    """Return what the check of a lease locks."""
    if lease.released:
        return Locks(workers=frozenset({lease.worker_id}))
    return Locks(threads=frozenset({lease.thread_id}))


def _is_alone(item: _Waiting) -> bool:
    return isinstance(item, _Job) and item.alone


def _was_in_the_way(error: Exception) -> bool:
    """Whether the database ended the transaction for the sake of another one: nothing is left of it."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _IN_THE_WAY


def _settle(done: asyncio.Future[Any], outcome: Any) -> None:
    if isinstance(outcome, _Refused):
        outcome = outcome.told()
    if done.done():
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)


def _by_statement(taken: list[_Waiting]) -> list[tuple[Executable, list[_Row]]]:
    groups: dict[int, tuple[Executable, list[_Row]]] = {}
    for item in taken:
        if isinstance(item, _Row):
            groups.setdefault(id(item.statement), (item.statement, []))[1].append(item)
    return list(groups.values())


def _by_work(taken: list[_Waiting]) -> list[tuple[SharedWork[Any, Any], list[_Share[Any]]]]:
    groups: dict[SharedWork[Any, Any], list[_Share[Any]]] = {}
    shares = (item for item in taken if isinstance(item, _Share))
    for share in sorted(shares, key=lambda share: share.releases is not None):
        groups.setdefault(share.work, []).append(share)
    return list(groups.items())


async def _nothing(connection: AsyncConnection) -> None:
    del connection
