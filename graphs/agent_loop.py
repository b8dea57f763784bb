"""The agent loop as a graph: the model speaks, its calls fan out, and so on until it only answers."""

from __future__ import annotations

from typing import Any, Literal

from langgraph.graph import END, START, MessagesState, StateGraph

from trunkline.agents.agent import Agent
from trunkline.graphs.fan_out import FanOut
from trunkline.graphs.model_step import ModelStep
from trunkline.graphs.requests import asks_for_tools
from trunkline.graphs.state import messages_in

AgentGraph = StateGraph[MessagesState, None, MessagesState, MessagesState]


def agent_graph(agent: Agent) -> AgentGraph:
    """Return the agent as a LangGraph graph, ready to compile or to run with `Trunkline.run`."""
    graph: AgentGraph = StateGraph(MessagesState)
    graph.add_node("model", ModelStep(agent))
    graph.add_node("tools", FanOut(agent.toolbox))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", wants_tools, {"tools": "tools", "answer": END})
    graph.add_edge("tools", "model")
    return graph


def wants_tools(state: Any, *, messages_key: str = "messages") -> Literal["tools", "answer"]:
    """Tell whether the last message asks for tools: the condition on the edge behind a model step."""
    return "tools" if asks_for_tools(messages_in(state, messages_key)[-1]) else "answer"
