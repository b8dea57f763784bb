"""`Served`: a run that a worker serves, and `ServedHere`, in this process."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

from langgraph.runtime import RunControl
from langgraph.types import Command

from trunkline.errors import LeaseLostError, RunFailedError
from trunkline.runtime.conductor import Graph
from trunkline.runtime.ending import EndsInTheQueue
from trunkline.runtime.graph_book import GraphBook
from trunkline.runtime.office import Office
from trunkline.runtime.questions import questions_of, unanswered
from trunkline.runtime.storage.payloads import payloads_of
from trunkline.runtime.storage.queue.claiming import Claimed
from trunkline.runtime.storage.queue.finishing import End
from trunkline.runtime.storage.queue.queue import RunQueue
from trunkline.tools.permit import Permit
from trunkline.tools.shielding import to_its_end

log = logging.getLogger("trunkline.workers")


class Served(ABC):
    """A run that is being served, by a task of its own."""

    def __init__(self, claimed: Claimed, *, queue: RunQueue) -> None:
        self.claimed = claimed
        self.ending = EndsInTheQueue(attempt=claimed.run.attempt)
        self.task: asyncio.Task[None] | None = None
        self._queue = queue

    def start(self) -> asyncio.Task[None]:
        """Serve the run in a task."""
        self.task = asyncio.create_task(self._serve(), name=f"run {self.claimed.run.id}")
        return self.task

    def stop(self, how: str) -> None:
        """Let it end as somebody wishes."""
        self.ending.wish(how)
        self.cancel()

    def cancel(self) -> None:
        """Cancel its task, once. Unless somebody wishes otherwise, the run is handed back.

        A wish may be heard again and again, and a second cancellation would tear the wait for effects under way.
        """
        if self.task and not self.task.cancelling():
            self.task.cancel()

    @abstractmethod
    def drain(self) -> None:
        """Let it be handed back at the end of its step."""

    @abstractmethod
    async def _conduct(self) -> None:
        """Run the graph, and record how that ended."""

    async def _serve(self) -> None:
        """Serve the run to its end. Whatever happens is recorded, unless the lease is lost."""
        lease, run = self.claimed.lease, self.claimed.run
        log.info("run.begun run_id=%s thread_id=%s graph=%s", run.id, run.thread_id, run.graph)
        try:
            await self._conduct()
        except RunFailedError as error:
            log.warning("run.failed run_id=%s attempt=%d error=%s", run.id, run.attempt + 1, error)
        except LeaseLostError:
            log.warning("run.lease_lost run_id=%s thread_id=%s", run.id, run.thread_id)
        except asyncio.CancelledError:
            if not lease.released and not lease.refused:  # before its first step, or after its last
                await to_its_end(self._hand_back(), name=f"hand back {run.id}")
            raise
        except Exception as error:
            log.exception("run.not_begun run_id=%s", run.id)
            await self._finish(self.ending.failed(error))
        finally:
            if lease.refused:
                await self._queue.count_refused(lease.worker_id, lease.refused)

    async def _hand_back(self) -> None:
        with suppress(LeaseLostError):  # it was killed
            await self._finish(self.ending.stopped())

    async def _finish(self, end: End) -> None:
        await self._queue.finish(self.claimed.lease, end)


class ServedHere(Served):
    """A run that is served in this process."""

    def __init__(
        self,
        claimed: Claimed,
        *,
        queue: RunQueue,
        graphs: GraphBook,
        office_of: Callable[[str], Awaitable[Office]],
        permit: Permit | None = None,
        live_text: bool = True,
    ) -> None:
        super().__init__(claimed, queue=queue)
        self._graphs, self._office_of, self._permit = graphs, office_of, permit
        self._control, self._live_text = RunControl(), live_text

    def drain(self) -> None:
        """Let it be handed back at the end of its step."""
        self._control.request_drain()

    async def _conduct(self) -> None:
        office = await self._office_of(self.claimed.run.tenant)
        async with self._graphs.opened(self.claimed.reference or "") as graph:
            await self._events(office, office.compiled(graph))

    async def _events(self, office: Office, graph: Graph) -> None:
        async def claim() -> Claimed:
            return self.claimed

        given = await _input_of(self.claimed, graph)
        conductor = office.conductor(
            self.claimed.run,
            graph,
            claim=claim,
            ending=self.ending,
            control=self._control,
            permit=self._permit,
            aloud=self._live_text,
        )
        async with aclosing(conductor.events(given, watched=self._live_text)) as events:
            async for _ in events:
                pass


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
