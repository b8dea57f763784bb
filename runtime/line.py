"""`Trunkline`: opens the database and runs agents and graphs on it."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from langchain_core.utils.uuid import uuid7
from langgraph.store.base import BaseStore, IndexConfig
from langgraph.types import Command

from trunkline.agents.agent import Agent
from trunkline.agents.models import Models
from trunkline.errors import NotOpenError
from trunkline.runtime.calls.deciding import Deciding
from trunkline.runtime.calls.desk import Desk
from trunkline.runtime.conductor import Graph
from trunkline.runtime.defaults import DEFAULT_DATABASE
from trunkline.runtime.ending import EndsAtOnce
from trunkline.runtime.events import Event, RunFinished
from trunkline.runtime.given import asked, graph_input
from trunkline.runtime.graph_book import GraphBook
from trunkline.runtime.graph_factory import GraphFactory
from trunkline.runtime.office import Office, open_office
from trunkline.runtime.opened import Opened
from trunkline.runtime.pruner import Pruner
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.queue.submission import DEFAULT_QUEUE, new_run_id
from trunkline.runtime.queueing import Queueing
from trunkline.runtime.reply import Reply
from trunkline.runtime.report import WorkReport, work_report
from trunkline.runtime.retention import Retention
from trunkline.runtime.run_watch import RunWatch
from trunkline.runtime.runnable import Runnable
from trunkline.runtime.scheduling import Scheduling
from trunkline.runtime.storage.checkpoints.keyring import Keyring
from trunkline.runtime.storage.database import Database, open_database
from trunkline.runtime.storage.run_rows import Run
from trunkline.runtime.tracing.langsmith import flush_langsmith
from trunkline.runtime.turns import Turns
from trunkline.runtime.workers.beginning import begin_here
from trunkline.runtime.workers.outfit import Outfit
from trunkline.runtime.workers.presence import LEASE, MAX_STALL, Presence
from trunkline.runtime.workers.worker import DRAIN_GRACE, Worker
from trunkline.tools.clock import Clock, SystemClock
from trunkline.tools.limits import DEFAULT_CALLS, Limits
from trunkline.tools.threads import DEFAULT_THREADS
from trunkline.tools.toolbox import Toolbox


class Trunkline(Deciding, Queueing, Scheduling):
    """A line to the database on which agents run: `async with Trunkline("sqlite:///shop.db") as line:`.

    `database` is a URL; left out, the environment variable TRUNKLINE_DATABASE, else `sqlite:///trunkline.db`. `models`
    are the chat models that agents name, or the path of a `models.yaml`; left out, TRUNKLINE_MODELS, else the
    `models.yaml` of the working folder, if there is one. `tenant` keeps threads and idempotency keys apart from those
    of other tenants. `calls` is how many tool calls may run at once on this line, `calls_per_run` in each of its runs,
    `threads` how many of them in threads, because their tools block. `limits` are limits that several lines of a
    process share, as those of several tenants do; left out, the line has its own. `clock` is what requests expire by.
    `graphs` are the names by which runs in the queue find their graphs. `bus` is the URL of what wakes other processes;
    left out, TRUNKLINE_BUS, else the database itself.
    `index` is how the items of the line's store are embedded, to be found by meaning. `keys` are what conversations'
    state, the inputs and answers of runs, the store and the cache are encrypted with (not the ledger, nor traces); left
    out, TRUNKLINE_KEYS.
    `retention` is what the line's workers keep of all tenants' threads: one for all graphs, or by their names.
    When the database is away, a run fails at once; or what it writes, and its reads of checkpoints, are tried again for
    `wait_for_database` seconds.
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
        graphs: GraphBook | Mapping[str, Runnable | GraphFactory | str] | None = None,
        bus: str | None = None,
        index: IndexConfig | None = None,
        keys: Keyring | None = None,
        retention: Retention | Mapping[str, Retention] | None = None,
        wait_for_database: float = 0.0,
    ) -> None:
        self._url = database or os.environ.get("TRUNKLINE_DATABASE") or DEFAULT_DATABASE
        self._models = models if isinstance(models, Models) else _models(models)
        self._tenant = tenant
        self._threads = threads
        self._calls, self._calls_per_run = calls, calls_per_run
        self._limits = limits or Limits(calls=calls, per_run=calls_per_run)
        self._bus = bus or os.environ.get("TRUNKLINE_BUS")
        self._clock, self._index = clock or SystemClock(), index
        self._keys = keys or Keyring.from_environment()
        self._retention = retention
        self._wait_for_database = wait_for_database
        self._portable = not (limits or clock or index or keys)
        self._stack = AsyncExitStack()
        self._opened: Opened | None = None
        self._graphs = graphs if isinstance(graphs, GraphBook) else GraphBook(graphs)
        self._turns = Turns()

    async def __aenter__(self) -> Self:
        """Open the database. See `open_database` for what it raises."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(flush_langsmith)
            database = await stack.enter_async_context(
                open_database(
                    self._url,
                    tenant=self._tenant,
                    clock=self._clock,
                    index=self._index,
                    bus=self._bus,
                    keys=self._keys,
                    wait_for_database=self._wait_for_database,
                )
            )
            presence = Presence(database)
            stack.push_async_callback(presence.leave)
            office = await stack.enter_async_context(self._office(database, self._tenant))
            stack.push_async_callback(self._turns.aclose)
            watch = RunWatch(database)
            stack.push_async_callback(watch.aclose)
            self._opened = Opened(database=database, office=office, presence=presence, graphs=self._graphs, watch=watch)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel the turns that are still under way, and close the database when all is recorded."""
        self._opened = None
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

    async def state(self, graph: Runnable, *, thread: str) -> dict[str, Any]:
        """Return the state of a conversation as the last step of its runs has left it; empty where there was none."""
        compiled = self._require_open().office.compiled(graph)
        snapshot = await compiled.aget_state({"configurable": {"thread_id": self._thread_id(thread)}})
        return dict(snapshot.values)

    def know(self, tools: Toolbox | Agent) -> None:
        """Make tools known, so that calls which people agree on can be carried out before any turn has used them."""
        self._require_open().office.executor.known.learn(tools.toolbox if isinstance(tools, Agent) else tools)

    @property
    def store(self) -> BaseStore:
        """The line's long-term memory: nodes find it as `runtime.store`, unless their graph has its own."""
        return self._require_open().database.store

    async def report(self) -> WorkReport:
        """Return what was done for this line's tenant so far, from the database."""
        database = self._require_open().database
        await database.flush()
        return await work_report(runs=database.runs, spans=database.spans, book=database.book, tenant=self._tenant)

    @asynccontextmanager
    async def worker(
        self,
        *,
        queues: Sequence[str] = (DEFAULT_QUEUE,),
        concurrency: int = 10,
        lease: float = LEASE,
        max_stall: float = MAX_STALL,
        drain_grace: float = DRAIN_GRACE,
        live_text: bool = True,
    ) -> AsyncGenerator[Worker]:
        """Serve queued runs of every tenant during the block, `concurrency` at once; at its end the worker is drained.

        With `live_text` models stream, and `join` hears what they say while they say it.
        With the line's `retention` it also prunes and erases threads, once an hour.
        Raises `OneWorkerError` when another process serves an embedded database. See `Worker`.
        """
        opened = self._require_open()
        async with AsyncExitStack() as stack:
            offices: dict[str, Office] = {self._tenant: opened.office}

            async def office_of(tenant: str) -> Office:
                if tenant not in offices:
                    database = await stack.enter_async_context(opened.database.of_tenant(tenant))
                    offices[tenant] = await stack.enter_async_context(self._office(database, tenant))
                return offices[tenant]

            worker = Worker(
                opened.database,
                graphs=opened.graphs,
                office_of=office_of,
                queues=queues,
                concurrency=concurrency,
                lease=lease,
                max_stall=max_stall,
                drain_grace=drain_grace,
                outfit=self._outfit(),
                pruner=self._pruner(opened.database),
                live_text=live_text,
            )
            async with worker:
                yield worker

    def _pruner(self, database: Database) -> Pruner | None:
        match self._retention:
            case None:
                return None
            case Retention() as one:
                return Pruner(database, {}, default=one)
            case by_graph:
                return Pruner(database, by_graph)

    def _outfit(self) -> Outfit | None:
        """What another process needs to work as this line does; None where it was given what only code can give."""
        graphs = self._graphs.references()
        if graphs is None or not self._portable:
            return None
        return Outfit(
            database=self._url,
            bus=self._bus,
            folder=str(self._graphs.folder),
            graphs=graphs,
            models=self._models.settings,
            threads=self._threads,
            calls=self._calls,
            calls_per_run=self._calls_per_run,
            wait_for_database=self._wait_for_database,
            path=tuple(sys.path),
        )

    def _office(self, database: Database, tenant: str) -> AbstractAsyncContextManager[Office]:
        return open_office(
            database, tenant=tenant, models=self._models, limits=self._limits, threads=self._threads, clock=self._clock
        )

    def _events(self, graph: Runnable, given: Any, thread: str | None, *, watched: bool) -> AsyncGenerator[Event]:
        self._require_open()
        name = thread or uuid4().hex
        turn = self._turn(graph, given, name, watched=watched)
        return self._turns.serve(turn, thread=name, name=f"turn on {name}")

    async def _turn(self, graph: Runnable, given: Any, thread: str, *, watched: bool) -> AsyncGenerator[Event]:
        opened = self._require_open()
        compiled = opened.office.compiled(graph)
        run = self._new_run(graph, compiled, given, thread)
        conductor = opened.office.conductor(
            run,
            compiled,
            claim=lambda: begin_here(run, opened.database, opened.presence, answers=_is_answer(given)),
            ending=EndsAtOnce(),
            permit=opened.presence,
        )
        async with aclosing(conductor.events(graph_input(given), watched=watched)) as events:
            async for event in events:
                yield event

    def _require_open(self) -> Opened:
        if self._opened is None:
            raise NotOpenError
        return self._opened

    def _desk(self) -> Desk:
        return self._require_open().office.desk

    def _thread_id(self, thread: str) -> str:
        return self._require_open().office.thread_id(thread)

    def _new_run(self, graph: Runnable, compiled: Graph, given: Any, thread: str) -> Run:
        return Run(
            id=new_run_id(),
            thread_id=self._thread_id(thread),
            tenant=self._tenant,
            graph=graph.name if isinstance(graph, Agent) else compiled.get_name(),
            status=RunStatus.RUNNING,
            trace_id=str(uuid7()),
            asked=asked(given),
            started_at=datetime.now(UTC),
        )


def _is_answer(given: Any) -> bool:
    return isinstance(given, Command) and given.resume is not None


def _models(path: str | Path | None) -> Models:
    found = path or os.environ.get("TRUNKLINE_MODELS")
    if found:
        return Models.from_file(found)
    return Models.from_file("models.yaml") if Path("models.yaml").exists() else Models({})
