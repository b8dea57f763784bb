"""The graph with LangGraph's own PostgreSQL saver, for a queue without checkpoints."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import uuid4

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from queues.graph import graph


async def set_up(url: str) -> None:
    """Make the saver's tables. Several workers that do so at once get in each other's way."""
    async with AsyncPostgresSaver.from_conn_string(url) as saver:
        await saver.setup()


@asynccontextmanager
async def checkpointed(url: str, *, connections: int) -> AsyncGenerator[Callable[[str], Awaitable[None]]]:
    """Give the job for the block, each on a thread of its own."""
    options: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(url, max_size=connections, kwargs=options) as pool:
        saver = AsyncPostgresSaver(
            cast("Any", pool)
        )  # its connections give rows as mappings, which the types cannot tell
        compiled = graph().compile(checkpointer=saver)

        async def work(name: str) -> None:
            await compiled.ainvoke({"name": name}, {"configurable": {"thread_id": uuid4().hex}}, durability="sync")

        yield work
