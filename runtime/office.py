"""`Office`: what the runs of one tenant use in a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

from langgraph.graph import StateGraph
from langgraph.runtime import RunControl

from trunkline.agents.agent import Agent
from trunkline.agents.models import Models
from trunkline.graphs.agent_loop import agent_graph
from trunkline.graphs.scope import Scope
from trunkline.runtime.calls.clerk import Clerk
from trunkline.runtime.calls.desk import Desk
from trunkline.runtime.calls.watching import watcher_of
from trunkline.runtime.conductor import Conductor, Graph
from trunkline.runtime.ending import Ending
from trunkline.runtime.journal import Journal
from trunkline.runtime.money.meter import Meter
from trunkline.runtime.runnable import Runnable
from trunkline.runtime.storage.checkpoints.allowed import allowing
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.payloads import payloads_of
from trunkline.runtime.storage.queue.claiming import Claimed
from trunkline.runtime.storage.run_rows import Run
from trunkline.runtime.tracing.recorder import SpanRecorder
from trunkline.tools.clock import Clock
from trunkline.tools.engine import Engine
from trunkline.tools.executor import CallExecutor
from trunkline.tools.limits import Limits
from trunkline.tools.permit import Permit
from trunkline.tools.threads import ToolThreads


class Office:
    """Carries out the calls of one tenant, keeps its graphs compiled, and conducts its runs."""

    def __init__(self, *, tenant: str, database: Database, models: Models, executor: CallExecutor, desk: Desk) -> None:
        self.tenant, self.database, self.executor, self.desk = tenant, database, executor, desk
        self._models = models
        self._graphs: WeakKeyDictionary[Any, Graph] = WeakKeyDictionary()

    def thread_id(self, thread: str) -> str:
        """Return the id of a thread by the name that the tenant has for it."""
        return f"{self.tenant}/{thread}" if self.tenant else thread

    def compiled(self, graph: Runnable) -> Graph:
        """Return the graph with this database's saver, unless it has one of its own."""
        if graph not in self._graphs:
            self._graphs[graph] = _compile(graph, self.database)
        return self._graphs[graph]

    def conductor(
        self,
        run: Run,
        graph: Graph,
        *,
        claim: Callable[[], Awaitable[Claimed]],
        ending: Ending,
        control: RunControl | None = None,
        permit: Permit | None = None,
        aloud: bool = False,
    ) -> Conductor:
        """Return what conducts the run once `claim` has begun it; `aloud` tells its text over the bus."""
        database = self.database
        return Conductor(
            run=run,
            graph=graph,
            scope=Scope(run_id=run.id, thread_id=run.thread_id, executor=self.executor, models=self._models),
            claim=claim,
            queue=database.queue,
            book=database.book,
            recorder=SpanRecorder(run, sink=database.spans, meter=Meter(self._models)),
            journal=Journal(
                events=database.events, bus=database.bus, payloads=payloads_of(graph), run_id=run.id, aloud=aloud
            ),
            ending=ending,
            control=control,
            permit=permit,
        )

    def forget(self) -> None:
        """Let go of the compiled graphs."""
        self._graphs.clear()


@asynccontextmanager
async def open_office(
    database: Database, *, tenant: str, models: Models, limits: Limits, threads: int, clock: Clock
) -> AsyncGenerator[Office]:
    """Open a tenant's office on its database, and close it when its calls have ended."""
    async with AsyncExitStack() as stack:
        tool_threads = ToolThreads(threads)
        stack.callback(tool_threads.close)
        engine = Engine(ledger=database.ledger, limits=limits, threads=tool_threads, clock=clock, tenant=tenant)
        executor = CallExecutor(engine)
        desk = Desk(book=database.book, executor=executor, clock=clock, watch=watcher_of)
        stack.push_async_callback(desk.aclose)
        stack.push_async_callback(executor.aclose)
        stack.push_async_callback(_ended, asyncio.create_task(Clerk(desk, clock).run(), name="clerk"))
        office = Office(tenant=tenant, database=database, models=models, executor=executor, desk=desk)
        stack.callback(office.forget)
        yield office


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def _compile(graph: Runnable, database: Database) -> Graph:
    match graph:
        case Agent():
            return agent_graph(graph).compile(checkpointer=database.saver, store=database.store, name=graph.name)
        case StateGraph():
            return graph.compile(**_kept_in(database, graph))
        case _:
            parts = _kept_in(database, graph)
            missing = {name: part for name, part in parts.items() if not getattr(graph, name)}
            return graph.copy(missing) if missing else graph


def _kept_in(database: Database, graph: Graph | StateGraph[Any, Any, Any, Any]) -> dict[str, Any]:
    saver, cache = (allowing(part, graph) for part in (database.saver, database.cache))
    return {"checkpointer": saver, "store": database.store, "cache": cache}
