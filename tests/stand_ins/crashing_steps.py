"""A graph whose middle step takes its worker down, once."""

import asyncio
from pathlib import Path

from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph

from stand_ins.processes import die
from trunkline import Trunkline

Steps = StateGraph[MessagesState, None, MessagesState, MessagesState]


def three_steps(flag: Path) -> Steps:
    """Return the graph; it kills its process as long as there is no such file."""

    def first(state: MessagesState) -> None:
        get_stream_writer()("begun")

    def second(state: MessagesState) -> None:
        if not flag.exists():
            flag.touch()
            die()

    def third(state: MessagesState) -> dict[str, list[tuple[str, str]]]:
        return {"messages": [("ai", "done")]}

    graph = StateGraph(MessagesState)
    for node in (first, second, third):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "first").add_edge("first", "second").add_edge("second", "third")
    return graph


async def serve(url: str, flag: Path) -> None:
    """Serve the graph as `steps` until it kills this process."""
    async with Trunkline(url, graphs={"steps": three_steps(flag)}) as line, line.worker():
        await asyncio.Event().wait()
