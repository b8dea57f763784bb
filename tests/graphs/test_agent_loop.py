"""The agent loop."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver

from trunkline.agents import Agent, ScriptedModel, Step, Turn, call
from trunkline.errors import RoundLimitError
from trunkline.graphs import agent_graph, wants_tools
from trunkline.tools import tool


def thread(name: str) -> RunnableConfig:
    return {"configurable": {"thread_id": name}}


@tool(effect="read")
async def look(order_id: str) -> str:
    """Look."""
    return f"order {order_id}"


SCRIPT: list[Step] = [
    Turn(say="One moment", calls=[call("look", order_id="A"), call("look", order_id="B")]),
    [call("look", order_id="C")],
    "All found",
    "You are welcome",
]


def texts(ended: dict[str, Any]) -> list[str]:
    return [message.text for message in ended["messages"]]


async def test_the_model_and_its_tools_take_turns_until_it_only_answers() -> None:
    """All calls of an answer are one round."""
    agent = Agent("desk", model=ScriptedModel(SCRIPT), tools=[look], rounds=2)
    ended = await agent_graph(agent).compile().ainvoke({"messages": [HumanMessage("Hi")]})

    assert texts(ended) == ["Hi", "One moment", "order A", "order B", "", "order C", "All found"]


async def test_one_agent_serves_many_conversations_at_once() -> None:
    """Each thread goes on where it was."""
    agent = Agent("desk", model=ScriptedModel(SCRIPT), tools=[look])
    graph = agent_graph(agent).compile(checkpointer=InMemorySaver())

    async def talk(name: str) -> str:
        for said in ("Hi", "Thanks"):
            ended = await graph.ainvoke({"messages": [HumanMessage(said)]}, thread(name))
        return texts(ended)[-1]

    assert await asyncio.gather(*(talk(f"t{n}") for n in range(10))) == ["You are welcome"] * 10


async def test_too_many_rounds_end_the_run_and_keep_what_was_found() -> None:
    """The thread is not spoiled: the next message starts to count anew."""
    agent = Agent("desk", model=ScriptedModel(SCRIPT), tools=[look], rounds=1)
    graph = agent_graph(agent).compile(checkpointer=InMemorySaver())
    with pytest.raises(RoundLimitError):
        await graph.ainvoke({"messages": [HumanMessage("Hi")]}, thread("t"))
    ended = await graph.ainvoke({"messages": [HumanMessage("And?")]}, thread("t"))

    assert texts(ended) == ["Hi", "One moment", "order A", "order B", "And?", "", "order C", "All found"]


async def test_a_conversation_goes_on_after_an_interruption() -> None:
    """The call that was dropped is closed for the model, which endpoints insist on."""
    begun, heard = asyncio.Event(), list[BaseMessage]()

    @tool(effect="read")
    async def wait() -> None:
        """Wait for ever."""
        begun.set()
        await asyncio.Event().wait()

    def script(messages: list[BaseMessage]) -> Step:
        heard[:] = messages
        return "Sorry" if messages[-1].text == "Hello?" else [call("wait")]

    graph = agent_graph(Agent("desk", model=ScriptedModel(script), tools=[wait])).compile(checkpointer=InMemorySaver())
    turn = asyncio.create_task(graph.ainvoke({"messages": [HumanMessage("Hi")]}, thread("t")))
    await begun.wait()
    turn.cancel()
    await asyncio.wait([turn])
    ended = await graph.ainvoke({"messages": [HumanMessage("Hello?")]}, thread("t"))
    assert [message.type for message in heard] == ["human", "ai", "tool", "human"]
    assert texts(ended) == ["Hi", "", "Hello?", "Sorry"]


@dataclass
class Talk:
    items: list[AnyMessage]


ASKING = AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "a", "type": "tool_call"}])
BROKEN = AIMessage(
    "", invalid_tool_calls=[{"name": "look", "args": "{", "id": "a", "error": "", "type": "invalid_tool_call"}]
)


@pytest.mark.parametrize(
    ("last", "way"),
    [
        (ASKING, "tools"),
        (BROKEN, "tools"),
        (AIMessage("Hi"), "answer"),
        (HumanMessage("Hi"), "answer"),
        (ToolMessage("x", tool_call_id="a"), "answer"),
    ],
)
def test_the_edge_behind_a_model_leads_to_the_tools_if_it_asks_for_any(last: AnyMessage, way: str) -> None:
    """Also if it asks wrongly, for it must be told; on any state and under any key."""
    assert wants_tools({"messages": [ASKING, last]}) == way
    assert wants_tools(Talk(items=[ASKING, last]), messages_key="items") == way
