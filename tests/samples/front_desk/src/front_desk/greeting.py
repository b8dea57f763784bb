"""A graph that is made for each run."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph

GREETING = os.environ["FRONT_DESK_GREETING"]


@asynccontextmanager
async def make_graph(
    config: RunnableConfig,
) -> AsyncGenerator[CompiledStateGraph[MessagesState, None, MessagesState, MessagesState]]:
    """Greet on the thread that the run is on."""
    thread = config.get("configurable", {}).get("thread_id")

    def greet(state: MessagesState) -> dict[str, list[AIMessage]]:
        return {"messages": [AIMessage(f"{GREETING}, {thread}")]}

    yield StateGraph(MessagesState).add_node("greet", greet).add_edge(START, "greet").compile()
