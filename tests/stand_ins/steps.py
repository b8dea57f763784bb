"""A graph of two steps, each of which waits for a file."""

import asyncio
from pathlib import Path
from typing import Any

from langgraph.graph import START, MessagesState, StateGraph


async def _appears(file: Path) -> None:
    while not file.exists():  # noqa: ASYNC110, ASYNC240 - it comes from another process
        await asyncio.sleep(0.02)


async def _first(state: MessagesState) -> dict[str, Any]:
    folder = Path(str(state["messages"][0].content))
    with (folder / "begun").open("a") as begun:
        begun.write("begun\n")
    await _appears(folder / "go")
    return {"messages": [("ai", "first")]}


async def _second(state: MessagesState) -> dict[str, Any]:
    folder = Path(str(state["messages"][0].content))
    await _appears(folder / "end")
    return {"messages": [("ai", "second")]}


graph = StateGraph(MessagesState).add_node("first", _first).add_node("second", _second)
graph.add_edge(START, "first").add_edge("first", "second")
