"""Conducts one run: the graph's own stream becomes events, and the run's row tells how it ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.errors import GraphDrained
from langgraph.pregel import Pregel
from langgraph.runtime import RunControl
from langgraph.types import Command, Interrupt, StreamMode

from trunkline.errors import LeaseLostError, RunFailedError
from trunkline.graphs.scope import Scope, with_scope
from trunkline.runtime.calls.news import with_news
from trunkline.runtime.closing import close_conversation, messages_key_of
from trunkline.runtime.ending import Ending, event_of
from trunkline.runtime.events import CustomEmitted, Event, RunFinished, StepFinished, TextStreamed
from trunkline.runtime.journal import Journal
from trunkline.runtime.questions import asked
from trunkline.runtime.queue.lease import Lease, hold
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.reply import Reply
from trunkline.runtime.speech import Speech
from trunkline.runtime.storage.call_book import CallBook, News
from trunkline.runtime.storage.queue.claiming import Claimed
from trunkline.runtime.storage.queue.finishing import End, Ended, HandedBack
from trunkline.runtime.storage.queue.queue import RunQueue
from trunkline.runtime.storage.run_rows import Run
from trunkline.runtime.tracing.recorder import RUN_KEY, SpanRecorder
from trunkline.tools.call import Origin
from trunkline.tools.events import ToolCallFinished, ToolCallRetried, ToolCallStarted
from trunkline.tools.permit import Permit, permitted, start_only_with
from trunkline.tools.shielding import to_its_end

log = logging.getLogger("trunkline.runs")

Graph = Pregel[Any, Any, Any, Any]
_UNWATCHED: list[StreamMode] = ["values", "updates", "custom"]
_WATCHED: list[StreamMode] = [*_UNWATCHED, "messages"]


@dataclass(slots=True)
class _Outcome:
    """What the graph's stream has shown: the newest state, and where the graph waits."""

    state: Any = None
    interrupts: dict[str, Interrupt] = field(default_factory=dict[str, Interrupt])
    """By id. Each step that waits tells its own, and the steps beside it that go on tell none."""


class Conductor:
    """Runs a graph once. The row of the run is written before the first step and after the last, whatever happens."""

    def __init__(
        self,
        *,
        run: Run,
        graph: Graph,
        scope: Scope,
        claim: Callable[[], Awaitable[Claimed]],
        queue: RunQueue,
        book: CallBook,
        recorder: SpanRecorder,
        journal: Journal,
        ending: Ending,
        control: RunControl | None = None,
        permit: Permit | None = None,
    ) -> None:
        """`claim` begins the run once its thread is free.

        `permit` says when something new may start: a step, a model call, an attempt at a tool call.
        """
        self._run = run
        self._claim, self._queue = claim, queue
        self._lease: Lease | None = None
        self._graph = graph
        self._scope = scope
        self._book = book
        self._recorder, self._journal = recorder, journal
        self._ending = ending
        self._control, self._permit = control, permit
        self._news: Sequence[News] = ()
        """What this run tells its conversation."""

    async def events(self, given: Any, *, watched: bool) -> AsyncGenerator[Event]:
        """Yield what happens, ending with `RunFinished`, and record it; unwatched, text is not streamed.

        Raises `RunFailedError`. Cancelled or closed early, the run is recorded as cancelled; what was finished stays.
        """
        outcome = _Outcome()
        try:
            claimed = await self._claim()
            self._take(claimed.lease)
            yield claimed.started
            if given is not None:
                given = await self._prepared(given, claimed)
            async with aclosing(self._graph_events(given, outcome, watched=watched)) as events:
                async for event in events:
                    yield self._recorded(event, claimed.lease)
            reply = self._reply(outcome)
            end = await self._end_of(reply, outcome.interrupts)
            if self._news:
                await self._book.told(self._news, run_id=self._run.id)
        except GraphDrained:
            await self._ended(HandedBack())
            return
        except (asyncio.CancelledError, GeneratorExit) as signal:
            if self._lease and self._lease.refused:
                raise self._lost(self._lease) from signal
            await to_its_end(self._stopped(), name=f"stop {self._run.id}")
            raise
        except Exception as error:
            if self._lease and self._lease.refused:
                raise self._lost(self._lease) from error
            await self._ended(self._ending.failed(error))
            raise RunFailedError(run=self._run.id, thread=self._run.thread, cause=error) from error
        await self._ended(end)
        yield RunFinished(reply=reply)

    def _take(self, lease: Lease) -> None:
        """Write under the lease from now on, and stop when it is lost."""
        self._lease = lease
        hold(lease)
        start_only_with(self._permit)
        task = asyncio.current_task()
        assert task, "a run is a task"
        lease.on_loss.append(task.cancel)

    def _recorded(self, event: Event, lease: Lease) -> Event:
        self._journal.record(event, lease)
        return event

    def _lost(self, lease: Lease) -> RunFailedError:
        """Turn the cancellation that the loss of the lease has sent into an error: nobody asked for the end."""
        task = asyncio.current_task()
        assert task, "a run is a task"
        task.uncancel()
        self._journal.close()
        self._recorder.close(cancelled=True)
        error = LeaseLostError(run=lease.run_id, thread=lease.thread_id)
        return RunFailedError(run=self._run.id, thread=self._run.thread, cause=error)

    async def _stopped(self) -> None:
        if self._lease is None:
            return
        end = self._ending.stopped()
        if self._ending.rolls_back:
            await self._roll_back()
        elif isinstance(end, Ended):
            await self._close()
        await self._ended(end)

    async def _roll_back(self) -> None:
        """Take away the checkpoints of this run, so that the state is as it was before."""
        saver = cast("BaseCheckpointSaver[str]", self._graph.checkpointer)
        await saver.adelete_for_runs([self._run.id])

    async def _prepared(self, given: Any, claimed: Claimed) -> Any:
        """Return the input with what the conversation must be told first.

        A thread whose last run did not end well may have calls without results.
        """
        if claimed.clean and not claimed.news:
            return given
        if not claimed.clean and not isinstance(given, Command):  # a command goes on where an interrupt stands
            await self._close()
        news = await self._book.news(self._run.thread_id)
        given, told = with_news(given, news, key=messages_key_of(self._graph))
        self._news = news if told else ()
        return given

    async def _close(self) -> None:
        """Give each open call of the conversation a result. A graph that cannot be closed so is left as it is."""
        origin = Origin(thread_id=self._run.thread_id, run_id=self._run.id, batch="")
        config = RunnableConfig(configurable={"thread_id": self._run.thread_id})
        try:
            await close_conversation(self._graph, config, self._book, origin)
        except Exception:
            log.exception("run.close_failed run_id=%s", self._run.id)

    async def _graph_events(self, given: Any, outcome: _Outcome, *, watched: bool) -> AsyncGenerator[Event]:
        modes = _WATCHED if watched else _UNWATCHED
        speech = Speech(messages_key_of(self._graph))
        stream = self._graph.astream(
            given,
            self._config(),
            stream_mode=modes,
            subgraphs=True,
            version="v2",
            durability="sync",
            control=self._control,
        )
        async for part in stream:
            if part["type"] == "values" and not part["ns"]:
                outcome.state = part["data"]
                outcome.interrupts.update({interrupt.id: interrupt for interrupt in part["interrupts"]})
                for said in speech.finished(part["data"]):
                    yield said
            else:
                for event in _events_of(part):
                    yield event
            await permitted()  # the graph takes its next step when it is asked for what comes next

    def _config(self) -> RunnableConfig:
        return RunnableConfig(
            run_id=UUID(self._run.trace_id),
            run_name=self._run.graph,
            callbacks=[self._recorder],
            metadata={RUN_KEY: self._run.id, "run_id": self._run.id},
            configurable=with_scope({"thread_id": self._run.thread_id}, self._scope),
        )

    def _reply(self, outcome: _Outcome) -> Reply:
        return Reply(
            run_id=self._run.id,
            thread_id=self._run.thread,
            state=_as_mapping(outcome.state),
            interrupts=tuple(interrupt.value for interrupt in outcome.interrupts.values()),
            interrupt_ids=tuple(outcome.interrupts),
        )

    async def _end_of(self, reply: Reply, interrupts: Mapping[str, Interrupt]) -> End:
        if not interrupts:
            return Ended(status=RunStatus.SUCCEEDED, answer=reply.text)
        return await asked(self._graph, self._run.thread_id, list(interrupts.values()), answer=reply.text)

    async def _ended(self, end: End) -> None:
        """Record how the run ended, and let go of its thread."""
        cancelled = isinstance(end, Ended) and end.status is RunStatus.CANCELLED
        self._recorder.close(cancelled=cancelled)
        self._journal.close()
        if self._lease is not None:
            self._lease.on_loss.clear()  # from here on there is nothing to stop
            try:
                await to_its_end(self._queue.finish(self._lease, end), name=f"finish {self._run.id}")
            except LeaseLostError as error:
                raise RunFailedError(run=self._run.id, thread=self._run.thread, cause=error) from error
            log.info("run.%s run_id=%s thread_id=%s", event_of(end), self._run.id, self._run.thread_id)


def _as_mapping(state: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", state) if isinstance(state, dict) else {"output": state}


def _events_of(part: Any) -> Iterator[Event]:
    match part["type"], part["data"]:
        case "custom", ToolCallStarted() | ToolCallRetried() | ToolCallFinished() as event:
            yield event
        case "custom", data:
            yield CustomEmitted(data=data)
        case "messages", (AIMessage() as said, metadata) if said.text:
            yield TextStreamed(node=str(metadata.get("langgraph_node", "")), text=said.text)
        case "updates", updates:
            yield from (StepFinished(node=node) for node in updates if node != "__interrupt__")
        case _:
            pass
