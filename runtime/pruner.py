"""The pruner: keeps the database to what each graph's retention says."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta

from trunkline.errors import ThreadInUseError
from trunkline.runtime.retention import Retention
from trunkline.runtime.storage.checkpoints.recall import Recent
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.threads import Thread

log = logging.getLogger("trunkline.retention")

PRUNE_EVERY = 3600.0
"""Seconds between two sweeps of a worker."""

_REMEMBERED = 100_000
_FOREVER = Retention()


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A thread of which something is to go."""

    thread: Thread
    keep_last: int | None = None
    """How many checkpoints stay. None: the thread is erased."""

    unused_since: datetime | None = None
    """Erased only if nothing happens on it after this; None where it was erased before, and more came late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What a sweep has done: how many threads it erased, pruned, and left because they were used just then."""

    erased: int = 0
    pruned: int = 0
    left: int = 0


class Pruner:
    """Erases the threads whose time is over, and prunes the others to their newest checkpoints.

    `retention` is by the name of the graph of a thread's last run, `default` for the threads of all other graphs, and
    for those without a run. A thread on which something is under way is left alone. Each thread is a transaction of its
    own or several, so several pruners may sweep one database while it is used.
    """

    def __init__(
        self,
        database: Database,
        retention: Mapping[str, Retention],
        *,
        default: Retention = _FOREVER,
        now: Callable[[], Awaitable[datetime]] | None = None,
    ) -> None:
        """`now` is the time by which threads expire; left out, the database's clock."""
        self._database, self._retention, self._default = database, retention, default
        self._now = now or database.threads.now
        self._pruned: Recent[str, int] = Recent(_REMEMBERED)
        """A thread's `changes` when it had been pruned: until it is written to there is nothing more to do."""

    async def sweep(self) -> Sweep:
        """Look at each thread once. Call it regularly; cancelled, what was done stays done."""
        erased = pruned = left = 0
        async with aclosing(self.due()) as found:
            async for due in found:
                if not await self.carry_out(due):
                    left += 1
                elif due.keep_last is None:
                    erased += 1
                else:
                    pruned += 1
        if erased and not await self._database.threads.scrub():
            log.info("retention.log_in_use")  # it is overwritten later, by SQLite's own checkpoints
        return Sweep(erased=erased, pruned=pruned, left=left)

    async def due(self) -> AsyncGenerator[Due]:
        """Yield what is to go now."""
        now = await self._now()
        async with aclosing(self._database.threads.all()) as threads:
            async for thread in threads:
                if due := self._due(thread, now):
                    yield due

    async def carry_out(self, due: Due) -> bool:
        """Let it go; return False where the thread is used again."""
        name, threads = due.thread.name, self._database.threads
        try:
            if due.keep_last is None:
                return await threads.erase(name, unused_since=due.unused_since)
            await self._database.saver.aprune([name], keep_last=due.keep_last)
        except ThreadInUseError as busy:
            log.info("retention.left thread=%s problem=%s", name, busy)
            return False
        if now := await threads.find(name):
            self._pruned.put(name, now.changes)
        return True

    def _due(self, thread: Thread, now: datetime) -> Due | None:
        retention = self._retention.get(thread.graph or "", self._default)
        if thread.under_way:
            return None
        if thread.erased:
            return Due(thread=thread) if thread.late else None
        if retention.seconds is not None:
            since = now - timedelta(seconds=retention.seconds)
            if thread.is_unused_since(since):
                return Due(thread=thread, unused_since=since)
        keep_last = retention.keep_last
        if keep_last is None or thread.checkpoints <= keep_last or self._pruned.get(thread.name) == thread.changes:
            return None
        return Due(thread=thread, keep_last=keep_last)
