"""`Worker`: serves the runs that wait in queues."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from types import TracebackType
from typing import Any, Self

from langgraph.runtime import RunControl
from langgraph.types import Command

from trunkline.errors import LeaseLostError, RunFailedError, WorkerDeadError
from trunkline.runtime.bus.bus import Heard, Listener
from trunkline.runtime.conductor import Graph
from trunkline.runtime.ending import EndsInTheQueue
from trunkline.runtime.graph_book import GraphBook
from trunkline.runtime.office import Office
from trunkline.runtime.questions import questions_of, unanswered
from trunkline.runtime.queue.topics import queue_topic, worker_topic
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.payloads import payloads_of
from trunkline.runtime.storage.queue.claiming import Claimed
from trunkline.runtime.storage.queue.presence import CancelWanted
from trunkline.runtime.workers.presence import Presence
from trunkline.runtime.workers.reaper import Reaper

log = logging.getLogger("trunkline.workers")

DRAIN_GRACE = 25.0
"""Seconds in which runs may come to the end of a step before they are cancelled."""

_POLL = 1.0
"""Seconds after which the queue is looked at although nobody rang, at most."""


class _Served:
    """A run that is being served."""

    def __init__(self, claimed: Claimed) -> None:
        self.claimed = claimed
        self.ending = EndsInTheQueue(attempt=claimed.run.attempt)
        self.control = RunControl()
        self.task: asyncio.Task[None] | None = None

    def stop(self, how: str) -> None:
        """Let it end as somebody wishes."""
        self.ending.wish(how)
        self.cancel()

    def cancel(self) -> None:
        """Cancel its task."""
        if self.task:
            self.task.cancel()


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
        live_text: bool = True,
    ) -> None:
        self._database, self._graphs, self._office_of = database, graphs, office_of
        self._queues, self._concurrency, self._drain_grace = tuple(queues), concurrency, drain_grace
        self._live_text = live_text
        self.presence = Presence(
            database, queues=queues, slots=concurrency, lease=lease, max_stall=max_stall, on_cancel=self._asked
        )
        self._served: dict[str, _Served] = {}
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
                asyncio.create_task(self._watch_for_death(), name="death watch"),
            ]
            stack.push_async_callback(self._end_duties)
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
        """Wait until the worker has been drained or has lost its place."""
        await asyncio.wait([self._duties[0]])
        self._duties[0].result()

    def stop(self) -> None:
        """Take no more runs; those under way are handed back when the block ends. A signal handler may call it."""
        self._draining.set()
        self._wake.set()

    async def drain(self) -> None:
        """Take no more runs, and hand back or end those under way."""
        self.stop()
        await asyncio.wait([self._duties[0]])
        if not self._served:
            return
        await self._database.queue.drain(self.presence.id)
        for served in self._served.values():
            served.control.request_drain()
        tasks = [served.task for served in self._served.values() if served.task]
        _, late = await asyncio.wait(tasks, timeout=self._drain_grace)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    async def _claim(self) -> None:
        """Claim and serve as long as there are free slots, then wait for a ring, a free slot or a second."""
        while not self._draining.is_set():
            self._wake.clear()
            free = self._concurrency - len(self._served)
            if free and not self.presence.suspect and await self._claim_up_to(free) == free:
                continue
            try:
                async with asyncio.timeout(random.uniform(_POLL / 2, _POLL)):
                    await self._wake.wait()
            except TimeoutError:
                pass

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
        served = _Served(claimed)
        self._served[claimed.run.id] = served
        served.task = asyncio.create_task(self._serve(served), name=f"run {claimed.run.id}")
        served.task.add_done_callback(lambda task: self._over(claimed.run.id, task))

    def _over(self, run_id: str, task: asyncio.Task[None]) -> None:
        del self._served[run_id]
        self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("run.lost run_id=%s", run_id, exc_info=error)

    async def _serve(self, served: _Served) -> None:
        """Serve a run to its end. Whatever happens is recorded, unless the lease is lost."""
        claimed = served.claimed
        run = claimed.run
        try:
            office = await self._office_of(run.tenant)
            async with self._graphs.opened(claimed.reference or "") as graph:
                await self._conduct(served, office, office.compiled(graph))
        except RunFailedError as error:
            log.warning("run.failed run_id=%s attempt=%d error=%s", run.id, run.attempt + 1, error)
        except LeaseLostError:
            log.warning("run.lease_lost run_id=%s thread_id=%s", run.id, run.thread_id)
        except Exception as error:
            log.exception("run.not_begun run_id=%s", run.id)
            await self._database.queue.finish(claimed.lease, served.ending.failed(error))
        finally:
            if claimed.lease.refused:
                await self._database.queue.count_refused(self.presence.id, claimed.lease.refused)

    async def _conduct(self, served: _Served, office: Office, graph: Graph) -> None:
        claimed = served.claimed

        async def claim() -> Claimed:
            return claimed

        given = await _input_of(claimed, graph)
        conductor = office.conductor(
            claimed.run, graph, claim=claim, ending=served.ending, control=served.control, aloud=self._live_text
        )
        async with aclosing(conductor.events(given, watched=self._live_text)) as events:
            async for _ in events:
                pass

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


async def _input_of(claimed: Claimed, graph: Graph) -> Any:
    """Return what the graph is given: what it was answered, its input, or None to go on from its checkpoint."""
    payloads = payloads_of(graph)
    if claimed.resume is not None:
        questions = questions_of(claimed.interrupts or b"", payloads)
        answers = await unanswered(graph, claimed.run.thread_id, questions, payloads.loads(claimed.resume))
        return Command(resume=answers) if answers else None
    given = payloads.loads(claimed.given) if claimed.given is not None else None
    if not claimed.begun:
        return given
    state = await graph.aget_state({"configurable": {"thread_id": claimed.run.thread_id}})
    return None if (state.metadata or {}).get("run_id") == claimed.run.id else given
