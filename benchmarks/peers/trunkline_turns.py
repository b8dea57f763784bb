"""Trunkline: its executor alone, its node in a plain graph, and whole runs on SQLite and PostgreSQL.

All of them may run all calls of the case at once, as the peers do; only the node has no such setting, and keeps its
default of 256.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, cast
from uuid import uuid4

from langgraph.graph import END, START, MessagesState, StateGraph

from peers.databases import Databases
from peers.scripted import timed_model
from peers.turn import Case, Stopwatch, Turn, timed, without_model
from trunkline import Agent, FanOut, Toolbox, Trunkline, tool
from trunkline.graphs import wants_tools
from trunkline.runtime.storage.database import open_database, upgrade_database
from trunkline.tools import (
    CallExecutor,
    Done,
    Engine,
    Ledger,
    Limits,
    MemoryLedger,
    Origin,
    Tool,
    ToolRequest,
    Unwatched,
)


async def executor(stack: AsyncExitStack, case: Case, databases: Databases) -> Turn:
    """Run the calls under limits, on a ledger in memory, and nothing around them."""
    del stack, databases
    return _bare(case, MemoryLedger())


async def executor_on_sqlite(stack: AsyncExitStack, case: Case, databases: Databases) -> Turn:
    """Run the calls under limits, on a ledger on SQLite, and nothing around them."""
    database = await stack.enter_async_context(open_database(f"sqlite:///{databases.sqlite()}"))
    return _bare(case, database.ledger)


async def fan_out(stack: AsyncExitStack, case: Case, databases: Databases) -> Turn:
    """Run the calls as a node of a plain LangGraph graph, on a ledger in memory."""
    del stack, databases
    watch, node = Stopwatch(), FanOut([_tool(case)])
    model = timed_model(case, watch).bind_tools(node.toolbox.specifications())

    async def speak(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("model", speak).add_node("tools", node)
    graph.add_edge(START, "model").add_edge("tools", "model")
    graph.add_conditional_edges("model", wants_tools, {"tools": "tools", "answer": END})
    compiled = cast("Any", graph.compile())

    async def work() -> object:
        return await compiled.ainvoke({"messages": [{"role": "user", "content": "find them"}]})

    return timed(work, watch)


async def on_sqlite(stack: AsyncExitStack, case: Case, databases: Databases) -> Turn:
    """Run turns with calls, checkpoints, spans and spend on SQLite."""
    return await _run(stack, case, f"sqlite:///{databases.sqlite()}")


async def on_postgres(stack: AsyncExitStack, case: Case, databases: Databases) -> Turn:
    """Run turns with calls, checkpoints, spans and spend on PostgreSQL."""
    url = stack.enter_context(databases.postgres())
    await upgrade_database(url)
    return await _run(stack, case, url)


def _bare(case: Case, ledger: Ledger) -> Turn:
    running = CallExecutor(Engine(ledger=ledger, limits=Limits(calls=case.calls)))
    toolbox = Toolbox([_tool(case)])
    requests = [
        ToolRequest(name="look_up", arguments={"number": number}, tool_call_id=f"call_{number}")
        for number in range(case.calls)
    ]

    async def work() -> int:
        origin = Origin(thread_id=uuid4().hex, run_id=uuid4().hex, batch="first")
        results = await running.run(toolbox, requests, origin=origin, watcher=Unwatched())
        return sum(isinstance(result.outcome, Done) for result in results)

    return without_model(work)


async def _run(stack: AsyncExitStack, case: Case, url: str) -> Turn:
    watch = Stopwatch()
    agent = Agent("bench", model=timed_model(case, watch), tools=[_tool(case)])
    line = await stack.enter_async_context(Trunkline(url, calls=case.calls))
    return timed(lambda: line.run(agent, "find them", thread=uuid4().hex), watch)


def _tool(case: Case) -> Tool:
    return tool(effect="read", reads="shelf:{number}")(case.function())
