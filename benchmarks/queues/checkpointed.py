"""The job as a LangGraph graph of one step, with LangGraph's own PostgreSQL saver, for queues without checkpoints."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypedDict
from uuid import uuid4

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import START, StateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from queues import job


class Job(TypedDict):
    """The state."""

    name: str


async def _step(state: Job) -> None:
    await job.work(state["name"])


def graph() -> StateGraph[Any, Any, Any, Any]:
    """Return the graph."""
    builder = StateGraph(Job)
    builder.add_node("step", _step)
    builder.add_edge(START, "step")
    return builder


@asynccontextmanager
async def checkpointed(url: str, *, connections: int) -> AsyncGenerator[Callable[[str], Awaitable[None]]]:
    """Give the job for the block, each on a thread of its own."""
    options: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(url, max_size=connections, kwargs=options) as pool:
        saver = AsyncPostgresSaver(pool)
        await saver.setup()
        compiled = graph().compile(checkpointer=saver)

        async def work(name: str) -> None:
            await compiled.ainvoke({"name": name}, {"configurable": {"thread_id": uuid4().hex}}, durability="sync")

        yield work
