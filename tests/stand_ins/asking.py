"""A graph that asks a question, and one that fails."""

from typing import Any

from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt


def _ask(state: MessagesState) -> dict[str, Any]:
    del state
    return {"messages": [("ai", f"you said {interrupt('sure?')}")]}


def _break(state: MessagesState) -> dict[str, Any]:
    raise ValueError(f"no good: {len(state['messages'])}")


asking = StateGraph(MessagesState).add_node("ask", _ask).add_edge(START, "ask")
broken = StateGraph(MessagesState).add_node("break", _break).add_edge(START, "break")
