"""LangChain's `create_agent`: without a saver, and with LangGraph's own savers."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, cast
from uuid import uuid4

from langchain import agents
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from peers.databases import Databases
from peers.scripted import timed_model
from peers.turn import Case, Stopwatch, Turn, timed


async def without_saver(stack: AsyncExitStack, case: Case, databases: Databases) -> Turn:
    """Keep nothing."""
    del stack, databases
    return _turn(case, None)


async def on_sqlite(stack: AsyncExitStack, case: Case, databases: Databases) -> Turn:
    """Keep checkpoints on SQLite, each one before the next step."""
    saver = await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(str(databases.sqlite())))
    return _turn(case, saver)


async def on_postgres(stack: AsyncExitStack, case: Case, databases: Databases) -> Turn:
    """Keep checkpoints on PostgreSQL, each one before the next step."""
    url = stack.enter_context(databases.postgres())
    saver = await stack.enter_async_context(AsyncPostgresSaver.from_conn_string(url))
    await saver.setup()
    return _turn(case, saver)


def _turn(case: Case, saver: BaseCheckpointSaver[Any] | None) -> Turn:
    watch, function = Stopwatch(), case.function()
    made = StructuredTool.from_function(function) if case.blocking else StructuredTool.from_function(coroutine=function)
    agent = cast("Any", agents.create_agent(timed_model(case, watch), [made], checkpointer=saver))
    given = {"messages": [{"role": "user", "content": "find them"}]}
    durability = "sync" if saver else None

    async def work() -> object:
        return await agent.ainvoke(given, {"configurable": {"thread_id": uuid4().hex}}, durability=durability)

    return timed(work, watch)
