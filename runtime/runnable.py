"""What a line runs."""

from __future__ import annotations

from typing import Any

from langgraph.graph import StateGraph
from langgraph.pregel import Pregel
from typing_extensions import TypeIs

from trunkline.agents.agent import Agent

Runnable = Agent | Pregel[Any, Any, Any, Any] | StateGraph[Any, Any, Any, Any]
"""What a line runs: an agent, a compiled LangGraph graph, or one that is not compiled yet."""


def is_runnable(value: object) -> TypeIs[Runnable]:
    """Whether a line can run the value."""
    return isinstance(value, Agent | Pregel | StateGraph)
