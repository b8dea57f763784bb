"""`Trunkline`: opens the database and runs agents and graphs on it."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
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
from trunkline.runtime.conductor import Conductor, Graph
from trunkline.runtime.defaults import DEFAULT_DATABASE
from trunkline.runtime.events import Event, RunFinished
from trunkline.runtime.money.meter import Meter
from trunkline.runtime.reply import Reply
from trunkline.runtime.report import WorkReport, work_report
from trunkline.runtime.storage.database import Database, open_database
from trunkline.runtime.storage.runs import Run, RunStatus
from trunkline.runtime.tracing.langsmith import flush_langsmith
from trunkline.runtime.tracing.recorder import SpanRecorder
from trunkline.runtime.turns import Turns
from trunkline.tools.executor import CallExecutor
from trunkline.tools.limits import DEFAULT_CALLS, Limits
from trunkline.tools.threads import DEFAULT_THREADS, ToolThreads

Runnable = Agent | Graph | StateGraph[Any, Any, Any, Any]
"""What a line runs: an agent, a compiled LangGraph graph, or one that is not compiled yet."""


class Trunkline:
    """A line to the database on which agents run: `async with Trunkline("sqlite:///shop.db") as line:`.

    `database` is a URL; left out, the environment variable TRUNKLINE_DATABASE, else `sqlite:///trunkline.db`. `models`
    are the chat models that agents name, or the path of a `models.yaml`; left out, TRUNKLINE_MODELS, else the
    `models.yaml` of the working folder, if there is one. `tenant` keeps threads and idempotency keys apart from those
    of other tenants. `calls` is how many tool calls may run at once on this line, `threads` how many of them in
    threads, because their tools block.
    """

    def __init__(
        self,
        database: str | None = None,
        *,
        models: Models | str | Path | None = None,
        tenant: str = "",
        calls: int = DEFAULT_CALLS,
        threads: int = DEFAULT_THREADS,
    ) -> None:
        self._url = database or os.environ.get("TRUNKLINE_DATABASE") or DEFAULT_DATABASE
        self._models = models if isinstance(models, Models) else _models(models)
        self._tenant = tenant
        self._calls, self._threads = calls, threads
        self._stack = AsyncExitStack()
        self._opened: tuple[Database, CallExecutor] | None = None
        self._graphs: WeakKeyDictionary[Any, Graph] = WeakKeyDictionary()
        self._turns = Turns()

    async def __aenter__(self) -> Self:
        """Open the database. See `open_database` for what it raises."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(flush_langsmith)
            database = await stack.enter_async_context(open_database(self._url, tenant=self._tenant))
            threads = ToolThreads(self._threads)
            stack.callback(threads.close)
            limits = Limits(calls=self._calls)
            stack.push_async_callback(self._turns.aclose)
            self._opened = (database, CallExecutor(ledger=database.ledger, limits=limits, threads=threads))
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

        `given` is a text or a list of messages for the conversation, or the graph's own input; None goes on where the
        thread's last run was interrupted. `thread` names the conversation; left out, a new one. A turn waits for
        earlier turns of its thread on this line. Raises `RunFailedError` with the cause chained. Cancelled, the run is
        recorded as cancelled and what it finished is kept.
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

    async def report(self) -> WorkReport:
        """Return what was done for this line's tenant so far, from the database."""
        database, _ = self._require_open()
        await database.flush()
        return await work_report(runs=database.runs, spans=database.spans, ledger=database.ledger, tenant=self._tenant)

    def _events(self, graph: Runnable, given: Any, thread: str | None, *, watched: bool) -> AsyncGenerator[Event]:
        self._require_open()
        name = thread or uuid4().hex
        turn = self._turn(graph, given, name, watched=watched)
        return self._turns.serve(turn, thread=name, name=f"turn on {name}")

    async def _turn(self, graph: Runnable, given: Any, thread: str, *, watched: bool) -> AsyncGenerator[Event]:
        database, executor = self._require_open()
        compiled = self._compiled(graph, database)
        run = self._new_run(graph, compiled, given, thread)
        conductor = Conductor(
            run=run,
            thread=thread,
            graph=compiled,
            scope=Scope(run_id=run.id, thread_id=run.thread_id, executor=executor, models=self._models),
            runs=database.runs,
            recorder=SpanRecorder(run, sink=database.spans, meter=Meter(self._models)),
        )
        async with aclosing(conductor.events(_input(given), watched=watched)) as events:
            async for event in events:
                yield event

    def _require_open(self) -> tuple[Database, CallExecutor]:
        if self._opened is None:
            raise NotOpenError
        return self._opened

    def _compiled(self, graph: Runnable, database: Database) -> Graph:
        if graph not in self._graphs:
            self._graphs[graph] = _compile(graph, database)
        return self._graphs[graph]

    def _new_run(self, graph: Runnable, compiled: Graph, given: Any, thread: str) -> Run:
        return Run(
            id=f"r-{secrets.token_hex(8)}",
            thread_id=f"{self._tenant}/{thread}" if self._tenant else thread,
            tenant=self._tenant,
            graph=graph.name if isinstance(graph, Agent) else compiled.get_name(),
            status=RunStatus.RUNNING,
            trace_id=str(uuid7()),
            asked=_asked(given),
            answer=None,
            error=None,
            started_at=datetime.now(UTC),
            ended_at=None,
        )


def _compile(graph: Runnable, database: Database) -> Graph:
    match graph:
        case Agent():
            return agent_graph(graph).compile(checkpointer=database.saver, name=graph.name)
        case StateGraph():
            return graph.compile(checkpointer=database.saver)
        case _:
            return graph if graph.checkpointer else graph.copy({"checkpointer": database.saver})


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
        case [BaseMessage() | {"role": _, "content": _}, *_]:
            return {"messages": list(given)}
        case _:
            return given


def _models(path: str | Path | None) -> Models:
    found = path or os.environ.get("TRUNKLINE_MODELS")
    if found:
        return Models.from_file(found)
    return Models.from_file("models.yaml") if Path("models.yaml").exists() else Models({})
