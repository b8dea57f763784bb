"""`Worker`: serves the runs that wait in queues."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from trunkline.errors import WorkerDeadError
from trunkline.runtime.bus.bus import Heard, Listener
from trunkline.runtime.graph_book import GraphBook
from trunkline.runtime.office import Office
from trunkline.runtime.pruner import PRUNE_EVERY, Pruner
from trunkline.runtime.queue.topics import queue_topic, worker_topic
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.queue.claiming import Claimed
from trunkline.runtime.storage.queue.crashing import ALONE_AFTER
from trunkline.runtime.storage.queue.presence import CancelWanted
from trunkline.runtime.storage.sweeper import Sweeper
from trunkline.runtime.workers.alone import ServedAlone
from trunkline.runtime.workers.outfit import Outfit
from trunkline.runtime.workers.presence import Presence
from trunkline.runtime.workers.reaper import Reaper
from trunkline.runtime.workers.scheduler import Scheduler
from trunkline.runtime.workers.served import Served, ServedHere
from trunkline.runtime.workers.strain import Strain
from trunkline.tools.clock import SystemClock

log = logging.getLogger("trunkline.workers")

DRAIN_GRACE = 25.0
"""Seconds in which runs may come to the end of a step before they are cancelled."""

GIVE_UP_EVERY = 5.0
"""Seconds between two looks for runs whose time for an answer is over."""

_POLL = 1.0
"""Seconds after which the queue is looked at although nobody rang, at most."""


class Worker:
    """Claims runs while it has free slots, and serves each in a task of its own: `async with line.worker() as worker`.

    The end of the block drains it: each run is handed back at the end of its step, and cancelled and handed back after
    `drain_grace` seconds; effects under way come to their end or are recorded as unknown.
    """

    def __init__(
        self,
        database: Database,
        *,
        graphs: GraphBook,
        office_of: Callable[[str], Awaitable[Office]],
        queues: Sequence[str],
        concurrency: int,
        lease: float,
        max_stall: float,
        drain_grace: float,
        outfit: Outfit | None = None,
        pruner: Pruner | None = None,
        live_text: bool = True,
    ) -> None:
        """`outfit` is what another process needs to serve as this one, if there can be one; see `line.worker`."""
        self._database, self._graphs, self._office_of = database, graphs, office_of
        self._queues, self._concurrency, self._drain_grace = tuple(queues), concurrency, drain_grace
        self._outfit = outfit
        self._live_text = live_text
        self.presence = Presence(
            database,
            queues=queues,
            slots=concurrency,
            alone=outfit is not None,
            lease=lease,
            max_stall=max_stall,
            on_cancel=self._asked,
        )
        self._sweepers = [Sweeper(database.queue.give_up_waiting, clock=SystemClock(), every=GIVE_UP_EVERY)]
        if pruner:
            self._sweepers.append(Sweeper(pruner.sweep, clock=SystemClock(), every=PRUNE_EVERY))
        self.strain = Strain(database.connections_are_out)
        self._served: dict[str, Served] = {}
        self._in_doubt = False
        """Whether a claim may have been committed whose answer was lost."""

        self._wake = asyncio.Event()
        self._draining = asyncio.Event()
        self._stack = AsyncExitStack()
        self._duties: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Put the worker on record and let it claim. Raises `OneWorkerError`, and errors of graphs that do not load."""
        self._graphs.load_all()
        async with AsyncExitStack() as stack:
            await self.presence.arrive()
            stack.push_async_callback(self.presence.leave)
            bus = self._database.bus
            rings = await stack.enter_async_context(bus.listen(*map(queue_topic, self._queues)))
            signals = await stack.enter_async_context(bus.listen(worker_topic(self.presence.id)))
            self._duties = [
                asyncio.create_task(self._claim(), name=f"worker {self.presence.id} claims"),
                asyncio.create_task(self._hear_rings(rings), name=f"worker {self.presence.id} hears rings"),
                asyncio.create_task(self._hear_signals(signals), name=f"worker {self.presence.id} hears signals"),
                asyncio.create_task(Reaper(self._database, self.presence).run(), name="reaper"),
                asyncio.create_task(Scheduler(self._database.schedules).run(), name="scheduler"),
                asyncio.create_task(self.strain.run(), name="strain"),
                asyncio.create_task(self._watch_for_death(), name="death watch"),
            ]
            stack.push_async_callback(self._end_duties)
            for sweeper in self._sweepers:
                await stack.enter_async_context(sweeper)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drain, and leave the record."""
        try:
            await self.drain()
        finally:
            await self._stack.aclose()

    async def until_over(self) -> None:
        """Wait until the worker is told to stop. Raises `WorkerDeadError` when others have given it up."""
        await asyncio.wait([self._duties[0]])
        self._duties[0].result()
        if self.presence.dead.is_set():
            raise WorkerDeadError(worker=self.presence.id)

    def stop(self) -> None:
        """Take no more runs; those under way are handed back when the block ends. A signal handler may call it."""
        self._draining.set()
        self._wake.set()

    def stop_at_once(self) -> None:
        """Stop, and cancel the runs under way without a grace. A signal handler may call it."""
        self.stop()
        self._drain_grace = 0.0
        for served in self._served.values():
            served.cancel()

    async def drain(self) -> None:
        """Take no more runs, and hand back or end those under way."""
        self.stop()
        await asyncio.wait([self._duties[0]])
        if not self._served:
            return
        log.info("worker.draining worker_id=%s running=%d", self.presence.id, len(self._served))
        tasks = [served.task for served in self._served.values() if served.task]  # some may end meanwhile
        await self._database.queue.drain(self.presence.id)
        for served in self._served.values():
            served.drain()
        _, late = await asyncio.wait(tasks, timeout=self._drain_grace)
        if late:
            log.warning("worker.grace_ended worker_id=%s cancelled=%d", self.presence.id, len(late))
            for task in late:
                task.cancel()
            await asyncio.wait(late)

    async def _claim(self) -> None:
        """Claim and serve as long as there are free slots, then wait for a ring, a free slot or a second."""
        while not self._draining.is_set():
            self._wake.clear()
            free = self._free_slots()
            if free and await self._claim_up_to(free) == free:
                continue
            try:
                async with asyncio.timeout(random.uniform(_POLL / 2, _POLL)):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _free_slots(self) -> int:
        """Return how many runs to take now. Under strain it takes none beside those that it has, but stays in use."""
        if self.presence.suspect:
            return 0
        if self.strain.is_great:
            return 0 if self._served else 1
        return self._concurrency - len(self._served)

    async def _claim_up_to(self, free: int) -> int:
        try:
            if self._in_doubt:
                known = [served.claimed.lease.lease_id for served in self._served.values()]
                await self._database.queue.give_back(self.presence.id, keep=known)
            self._in_doubt = True
            claimed = await self._database.queue.claim(self.presence.id, self._queues, limit=free)
            self._in_doubt = False
        except WorkerDeadError:
            self.presence.dead.set()
            raise
        except Exception:
            log.exception("worker.claim_failed worker_id=%s", self.presence.id)
            return 0
        for one in claimed:
            self._start(one)
        return len(claimed)

    def _start(self, claimed: Claimed) -> None:
        served = self._served_by(claimed)
        self._served[claimed.run.id] = served
        served.start().add_done_callback(lambda task: self._over(claimed.run.id, task))

    def _served_by(self, claimed: Claimed) -> Served:
        queue = self._database.queue
        if claimed.run.crashes >= ALONE_AFTER and self._outfit:
            return ServedAlone(claimed, queue=queue, outfit=self._outfit)
        return ServedHere(
            claimed,
            queue=queue,
            graphs=self._graphs,
            office_of=self._office_of,
            permit=self.presence,
            live_text=self._live_text,
        )

    def _over(self, run_id: str, task: asyncio.Task[None]) -> None:
        del self._served[run_id]
        self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("run.lost run_id=%s", run_id, exc_info=error)

    async def _hear_rings(self, rings: Listener) -> None:
        async for _ in rings:
            self._wake.set()

    async def _hear_signals(self, signals: Listener) -> None:
        async for heard in signals:
            if isinstance(heard, Heard):
                await self._look_at(heard.message.decode())

    async def _look_at(self, run_id: str) -> None:
        """See how a run is to end that somebody has told this worker of."""
        served = self._served.get(run_id)
        if served is None:
            return
        how = await self._database.runs.cancel_wish(run_id)
        if how:
            served.stop(how)
        else:
            served.cancel()

    def _asked(self, wanted: CancelWanted) -> None:
        if served := self._served.get(wanted.run_id):
            served.stop(wanted.how)

    async def _watch_for_death(self) -> None:
        """Cancel everything once others have given this worker up: all that it still did would be refused."""
        await self.presence.dead.wait()
        self.stop()
        for served in list(self._served.values()):
            served.claimed.lease.refuse()

    async def _end_duties(self) -> None:
        for duty in self._duties:
            duty.cancel()
        await asyncio.wait(self._duties)
