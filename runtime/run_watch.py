"""`RunWatch`: tells when runs rest, to any number of those who wait for them in this process."""

from __future__ import annotations

import asyncio
import logging
from asyncio import Future, Task
from collections.abc import Collection, Iterable
from contextlib import suppress
from itertools import islice

from trunkline.errors import NotOpenError, UnknownRunError
from trunkline.runtime.bus.bus import Heard, Listener
from trunkline.runtime.queue.topics import REST_TOPIC
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.run_rows import Run
from trunkline.tools.shielding import to_its_end

log = logging.getLogger("trunkline.runs")

_POLL = 1.0
"""Seconds after which the record is looked at although nobody rang."""

_PAGE = 500
"""Runs that are looked at together for the first time: most of them rest not yet, and their rows fill memory."""


class RunWatch:
    """Looks after all runs that are waited for with one listener and one query: at once for those that somebody has
    told of, and every second for all. Where nobody waits it does nothing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[str, list[Future[Run]]] = {}
        self._new: set[str] = set()
        """Those that nobody has looked at yet."""

        self._due: set[str] = set()
        self._wake = asyncio.Event()
        self._task: Task[None] | None = None

    async def until_rests(self, run_id: str) -> Run:
        """Return the run once nothing happens to it by itself. Raises `UnknownRunError`."""
        if self._task is None:
            self._task = asyncio.create_task(self._watch(), name="run watch")
        rests: Future[Run] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(run_id, []).append(rests)
        self._new.add(run_id)
        self._wake.set()
        try:
            return await rests
        finally:
            self._forget(run_id, rests)

    async def aclose(self) -> None:
        """End. Who still waits gets `NotOpenError`."""
        if self._task:
            self._task.cancel()
            await to_its_end(_ended(self._task), name="run watch ends")
        for waiting in self._waiting.values():
            for rests in waiting:
                if not rests.done():
                    rests.set_exception(NotOpenError())

    async def _watch(self) -> None:
        async with self._database.bus.listen(REST_TOPIC) as heard:
            hearing = asyncio.create_task(self._hear(heard), name="run watch hears")
            try:
                await self._keep_looking()
            finally:
                hearing.cancel()

    async def _keep_looking(self) -> None:
        clock = asyncio.get_running_loop()
        looked_at_all = clock.time()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(looked_at_all + _POLL if self._waiting else None):
                    await self._wake.wait()
            if clock.time() >= looked_at_all + _POLL:
                self._due.update(self._waiting)
                looked_at_all = clock.time()
            try:
                await self._look()
            except Exception:
                log.exception("run_watch.failed")
                await asyncio.sleep(_POLL)

    async def _hear(self, heard: Listener) -> None:
        async for message in heard:
            told = {message.message.decode()} if isinstance(message, Heard) else self._waiting.keys()
            self._look_at(told & self._waiting.keys())

    def _look_at(self, run_ids: Collection[str]) -> None:
        if run_ids:
            self._due.update(run_ids)
            self._wake.set()

    async def _look(self) -> None:
        self._wake.clear()
        runs = self._database.runs
        self._new &= self._waiting.keys()
        while new := set(islice(self._new, _PAGE)):
            found = {run.id: run for run in await runs.among(new)}
            for run_id in new - found.keys():
                self._tell(run_id, UnknownRunError(run=run_id, database=self._database.url.shown))
            self._tell_all(found.values())
            self._new -= new
        if due := self._due & self._waiting.keys():
            self._tell_all(await runs.among(due, resting=True))
            self._due -= due

    def _tell_all(self, runs: Iterable[Run]) -> None:
        for run in runs:
            if run.status.rests:
                self._tell(run.id, run)

    def _tell(self, run_id: str, told: Run | UnknownRunError) -> None:
        for rests in self._waiting.get(run_id, ()):
            if rests.done():
                continue
            if isinstance(told, Run):
                rests.set_result(told)
            else:
                rests.set_exception(told)

    def _forget(self, run_id: str, rests: Future[Run]) -> None:
        waiting = self._waiting[run_id]
        waiting.remove(rests)
        if not waiting:
            del self._waiting[run_id]


async def _ended(task: Task[None]) -> None:
    await asyncio.wait([task])
