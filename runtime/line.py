"""`Trunkline`: opens the database and runs agents and graphs on it."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4
from weakref import WeakKeyDictionary

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.utils.uuid import uuid7
from langgraph.graph import StateGraph

from trunkline.agents.agent import Agent
from trunkline.agents.models import Models
from trunkline.errors import NotOpenError
from trunkline.graphs.agent_loop import agent_graph
from trunkline.graphs.scope import Scope
from trunkline.runtime.calls.clerk import Clerk
from trunkline.runtime.calls.deciding import Deciding
from trunkline.runtime.calls.desk import Desk
from trunkline.runtime.calls.watching import watcher_of
from trunkline.runtime.conductor import Conductor, Graph
from trunkline.runtime.defaults import DEFAULT_DATABASE
from trunkline.runtime.events import Event, RunFinished
from trunkline.runtime.money.meter import Meter
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.reply import Reply
from trunkline.runtime.report import WorkReport, work_report
from trunkline.runtime.storage.checkpoints.allowed import allowing
from trunkline.runtime.storage.database import Database, open_database
from trunkline.runtime.storage.run_rows import Run
from trunkline.runtime.tracing.langsmith import flush_langsmith
from trunkline.runtime.tracing.recorder import SpanRecorder
from trunkline.runtime.turns import Turns
from trunkline.runtime.workers.beginning import begin_here
from trunkline.runtime.workers.presence import Presence
from trunkline.tools.clock import Clock, SystemClock
from trunkline.tools.engine import Engine
from trunkline.tools.executor import CallExecutor
from trunkline.tools.limits import DEFAULT_CALLS, Limits
from trunkline.tools.threads import DEFAULT_THREADS, ToolThreads
from trunkline.tools.toolbox import Toolbox

Runnable = Agent | Graph | StateGraph[Any, Any, Any, Any]
"""What a line runs: an agent, a compiled LangGraph graph, or one that is not compiled yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """What an open line has."""

    database: Database
    executor: CallExecutor
    desk: Desk
    presence: Presence


class Trunkline(Deciding):
    """A line to the database on which agents run: `async with Trunkline("sqlite:///shop.db") as line:`.

    `database` is a URL; left out, the environment variable TRUNKLINE_DATABASE, else `sqlite:///trunkline.db`. `models`
    are the chat models that agents name, or the path of a `models.yaml`; left out, TRUNKLINE_MODELS, else the
    `models.yaml` of the working folder, if there is one. `tenant` keeps threads and idempotency keys apart from those
    of other tenants. `calls` is how many tool calls may run at once on this line, `calls_per_run` in each of its runs,
    `threads` how many of them in threads, because their tools block. `limits` are limits that several lines of a
    process share, as those of several tenants do; left out, the line has its own. `clock` is what requests expire by.
    """

    def __init__(
        self,
        database: str | None = None,
        *,
        models: Models | str | Path | None = None,
        tenant: str = "",
        calls: int = DEFAULT_CALLS,
        calls_per_run: int | None = None,
        threads: int = DEFAULT_THREADS,
        limits: Limits | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._url = database or os.environ.get("TRUNKLINE_DATABASE") or DEFAULT_DATABASE
        self._models = models if isinstance(models, Models) else _models(models)
        self._tenant = tenant
        self._calls, self._calls_per_run, self._threads, self._limits = calls, calls_per_run, threads, limits
        self._clock = clock or SystemClock()
        self._stack = AsyncExitStack()
        self._opened: _Opened | None = None
        self._graphs: WeakKeyDictionary[Any, Graph] = WeakKeyDictionary()
        self._turns = Turns()

    async def __aenter__(self) -> Self:
        """Open the database. See `open_database` for what it raises."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(flush_langsmith)
            database = await stack.enter_async_context(
                open_database(self._url, tenant=self._tenant, now=self._clock.now)
            )
            executor = self._executor(database, stack)
            presence = Presence(database)
            stack.push_async_callback(presence.leave)
            desk = Desk(book=database.book, executor=executor, clock=self._clock, watch=watcher_of)
            stack.push_async_callback(desk.aclose)
            stack.push_async_callback(executor.aclose)
            stack.push_async_callback(_ended, asyncio.create_task(Clerk(desk, self._clock).run(), name="clerk"))
            stack.push_async_callback(self._turns.aclose)
            self._opened = _Opened(database=database, executor=executor, desk=desk, presence=presence)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel the turns that are still under way, and close the database when all is recorded."""
        self._opened = None
        self._graphs.clear()
        await self._stack.aclose()

    async def run(self, graph: Runnable, given: Any, *, thread: str | None = None) -> Reply:
        """Run one turn and return its reply.

        `given` is a text or a list of messages for the conversation, or the graph's own input; an empty list tells it
        only what has happened to its calls meanwhile. None goes on where the thread's last run was interrupted.
        `thread` names the conversation; left out, a new one. A turn waits for earlier turns of its thread on this line.
        Raises `RunFailedError` with the cause chained. Cancelled, the run is recorded as cancelled, what it finished is
        kept, and each open call of its conversation gets a result.
        """
        async with aclosing(self._events(graph, given, thread, watched=False)) as events:
            async for event in events:
                if isinstance(event, RunFinished):
                    return event.reply
        raise AssertionError("a run ended without a reply and without an error")

    async def stream(self, graph: Runnable, given: Any, *, thread: str | None = None) -> AsyncGenerator[Event]:
        """Run one turn like `run` and yield typed events as things happen, ending with `RunFinished`.

        Closing the generator early cancels the run.
        """
        async with aclosing(self._events(graph, given, thread, watched=True)) as events:
            async for event in events:
                yield event

    def know(self, tools: Toolbox | Agent) -> None:
        """Make tools known, so that calls which people agree on can be carried out before any turn has used them."""
        self._require_open().executor.known.learn(tools.toolbox if isinstance(tools, Agent) else tools)

    async def report(self) -> WorkReport:
        """Return what was done for this line's tenant so far, from the database."""
        database = self._require_open().database
        await database.flush()
        return await work_report(runs=database.runs, spans=database.spans, book=database.book, tenant=self._tenant)

    def _events(self, graph: Runnable, given: Any, thread: str | None, *, watched: bool) -> AsyncGenerator[Event]:
        self._require_open()
        name = thread or uuid4().hex
        turn = self._turn(graph, given, name, watched=watched)
        return self._turns.serve(turn, thread=name, name=f"turn on {name}")

    async def _turn(self, graph: Runnable, given: Any, thread: str, *, watched: bool) -> AsyncGenerator[Event]:
        opened = self._require_open()
        database = opened.database
        compiled = self._compiled(graph, database)
        run = self._new_run(graph, compiled, given, thread)
        conductor = Conductor(
            run=run,
            thread=thread,
            graph=compiled,
            scope=Scope(run_id=run.id, thread_id=run.thread_id, executor=opened.executor, models=self._models),
            claim=lambda: begin_here(run, database, opened.presence),
            queue=database.queue,
            book=database.book,
            recorder=SpanRecorder(run, sink=database.spans, meter=Meter(self._models)),
        )
        async with aclosing(conductor.events(_input(given), watched=watched)) as events:
            async for event in events:
                yield event

    def _require_open(self) -> _Opened:
        if self._opened is None:
            raise NotOpenError
        return self._opened

    def _executor(self, database: Database, stack: AsyncExitStack) -> CallExecutor:
        threads = ToolThreads(self._threads)
        stack.callback(threads.close)
        limits = self._limits or Limits(calls=self._calls, per_run=self._calls_per_run)
        engine = Engine(ledger=database.ledger, limits=limits, threads=threads, clock=self._clock, tenant=self._tenant)
        return CallExecutor(engine)

    def _desk(self) -> Desk:
        return self._require_open().desk

    def _thread_id(self, thread: str) -> str:
        return f"{self._tenant}/{thread}" if self._tenant else thread

    def _compiled(self, graph: Runnable, database: Database) -> Graph:
        if graph not in self._graphs:
            self._graphs[graph] = _compile(graph, database)
        return self._graphs[graph]

    def _new_run(self, graph: Runnable, compiled: Graph, given: Any, thread: str) -> Run:
        return Run(
            id=f"r-{secrets.token_hex(8)}",
            thread_id=self._thread_id(thread),
            tenant=self._tenant,
            graph=graph.name if isinstance(graph, Agent) else compiled.get_name(),
            status=RunStatus.RUNNING,
            trace_id=str(uuid7()),
            asked=_asked(given),
            started_at=datetime.now(UTC),
        )


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def _compile(graph: Runnable, database: Database) -> Graph:
    match graph:
        case Agent():
            return agent_graph(graph).compile(checkpointer=database.saver, name=graph.name)
        case StateGraph():
            return graph.compile(checkpointer=allowing(database.saver, graph))
        case _:
            return graph if graph.checkpointer else graph.copy({"checkpointer": allowing(database.saver, graph)})


def _asked(given: Any) -> str | None:
    """What a list of runs shows of the input: the text, or that of the last message."""
    match given:
        case str():
            return given
        case BaseMessage():
            return given.text
        case {"content": str() as text}:
            return text
        case [*_, last] | {"messages": [*_, last]}:
            return _asked(last)
        case _:
            return None


def _input(given: Any) -> Any:
    match given:
        case str():
            return {"messages": [HumanMessage(given)]}
        case BaseMessage():
            return {"messages": [given]}
        case [] | [BaseMessage() | {"role": _, "content": _}, *_]:
            return {"messages": list(given)}
        case _:
            return given


def _models(path: str | Path | None) -> Models:
    found = path or os.environ.get("TRUNKLINE_MODELS")
    if found:
        return Models.from_file(found)
    return Models.from_file("models.yaml") if Path("models.yaml").exists() else Models({})
