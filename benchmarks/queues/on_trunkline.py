"""Trunkline: a LangGraph graph of one step, with its checkpoints; every write is checked against the lease."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypedDict

from langgraph.graph import START, StateGraph

from queues import job
from trunkline import Trunkline
from trunkline.runtime.storage.database import upgrade_database

PACKAGES = ("langgraph",)


class Job(TypedDict):
    """The state."""

    name: str


async def _step(state: Job) -> None:
    await job.work(state["name"])


def _graph() -> StateGraph[Any, Any, Any, Any]:
    graph = StateGraph(Job)
    graph.add_node("step", _step)
    graph.add_edge(START, "step")
    return graph


async def set_up(url: str) -> None:
    """Make the tables."""
    await upgrade_database(url)


async def serve(url: str, options: Mapping[str, Any]) -> None:
    """Serve the queue until killed."""
    async with Trunkline(url, graphs={"job": _graph()}) as line, line.worker(concurrency=options["slots"]):
        await asyncio.Event().wait()


@asynccontextmanager
async def submitter(url: str, options: Mapping[str, Any]) -> AsyncGenerator[Callable[[Sequence[str]], Awaitable[None]]]:
    """Give what submits jobs, each on a thread of its own."""
    del options
    async with Trunkline(url, graphs={"job": _graph()}) as line:

        async def submit(names: Sequence[str]) -> None:
            for name in names:
                await line.submit("job", {"name": name})

        yield submit
