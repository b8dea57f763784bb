"""The tools of a graph."""

from langgraph.graph import START, MessagesState, StateGraph

from trunkline import FanOut, Toolbox, tool
from trunkline.graphs.toolboxes import toolboxes_of


@tool(effect="read", reads=())
async def look(at: str) -> str:
    """Look at something."""
    return at


def say(state: MessagesState) -> MessagesState:
    """Say nothing new."""
    return state


def test_the_tools_of_fan_out_nodes_are_found_at_any_depth() -> None:
    """In a graph that is compiled and in one that is not, and in the graphs inside."""
    inner_tools, outer_tools = Toolbox([look]), Toolbox([look])
    inner = StateGraph(MessagesState)
    inner.add_node("tools", FanOut(inner_tools)).add_node("say", say).add_edge(START, "tools")
    outer = StateGraph(MessagesState)
    outer.add_node("inner", inner.compile()).add_node("tools", FanOut(outer_tools)).add_edge(START, "inner")

    assert toolboxes_of(outer) == [inner_tools, outer_tools]
    assert set(toolboxes_of(outer.compile())) == {inner_tools, outer_tools}
