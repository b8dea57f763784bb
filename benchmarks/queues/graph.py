"""The job as a LangGraph graph of one step."""

from __future__ import annotations

from typing import Any, TypedDict

from langgraph.graph import START, StateGraph

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
