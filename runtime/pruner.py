"""The pruner: keeps the database to what each graph's retention says."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from trunkline.errors import ThreadBusyError
from trunkline.runtime.retention import Retention
from trunkline.runtime.storage.checkpoints.recall import Recent
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.threads import Thread, is_idle

log = logging.getLogger("trunkline.retention")

_REMEMBERED = 100_000
_FOREVER = Retention()


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A thread of which something is to go."""

    thread: Thread
    what: Literal["erase", "prune"]
    """All of it, or its old checkpoints."""

    limit: float
    """How many seconds it may be idle, or how many checkpoints it may have. 0: it was erased, and texts came late."""


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
        self, database: Database, retention: Mapping[str, Retention], *, default: Retention = _FOREVER
    ) -> None:
        self._database, self._retention, self._default = database, retention, default
        self._pruned: Recent[str, int] = Recent(_REMEMBERED)
        """A thread's `changes` when it had been pruned: until it is written to there is nothing more to do."""

    async def sweep(self) -> Sweep:
        """Look at each thread once. Call it regularly; cancelled, what was done stays done."""
        done = {"erase": 0, "prune": 0, "left": 0}
        async with aclosing(self.due()) as found:
            async for due in found:
                done[due.what if await self.carry_out(due) else "left"] += 1
        if done["erase"] and not await self._database.threads.scrub():
            log.info("retention.log_in_use")  # whoever reads it has it overwritten later, by SQLite's own checkpoints
        return Sweep(erased=done["erase"], pruned=done["prune"], left=done["left"])

    async def due(self) -> AsyncGenerator[Due]:
        """Yield what is to go now, by the database's clock."""
        now = await self._database.threads.now()
        async with aclosing(self._database.threads.all()) as threads:
            async for thread in threads:
                retention = self._retention.get(thread.graph or "", self._default)
                if thread.under_way:
                    continue
                if thread.erased:
                    if thread.has_texts:
                        yield Due(thread=thread, what="erase", limit=0.0)
                elif retention.seconds is not None and is_idle(thread, now=now, seconds=retention.seconds):
                    yield Due(thread=thread, what="erase", limit=retention.seconds)
                elif retention.keep_last is not None and self._has_more(thread, retention.keep_last):
                    yield Due(thread=thread, what="prune", limit=retention.keep_last)

    async def carry_out(self, due: Due) -> bool:
        """Let it go; return False where the thread is used again."""
        name = due.thread.name
        try:
            if due.what == "erase":
                return await self._database.threads.erase(name, idle_for=due.limit or None)
            await self._database.saver.aprune([name], keep_last=int(due.limit))
        except ThreadBusyError as busy:
            log.info("retention.left thread=%s problem=%s", name, busy)
            return False
        if now := await self._database.threads.find(name):
            self._pruned.put(name, now.changes)
        return True

    def _has_more(self, thread: Thread, keep_last: int) -> bool:
        return thread.checkpoints > keep_last and self._pruned.get(thread.name) != thread.changes
