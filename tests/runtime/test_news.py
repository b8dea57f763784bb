"""What a conversation is told of its calls between two turns."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AnyMessage, BaseMessage, HumanMessage, SystemMessage
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages

from stand_ins.refunds import THREAD, Refunds
from trunkline import Agent, FanOut, ManualClock, ScriptedModel, Trunkline, tool
from trunkline.agents import Models, call
from trunkline.errors import RunFailedError
from trunkline.runtime.storage.database import Database
from trunkline.tools import Deadline


@pytest.fixture
def refunds() -> Refunds:
    return Refunds()


@pytest.fixture
async def line(url: str) -> AsyncGenerator[Trunkline]:
    """An open line of a tenant."""
    async with Trunkline(url, models=Models({}), clock=ManualClock(), tenant="acme") as opened:
        yield opened


def events(messages: list[AnyMessage] | list[BaseMessage]) -> list[dict[str, Any]]:
    return [json.loads(message.text) for message in messages if isinstance(message, SystemMessage)]


async def rejected(line: Trunkline, refunds: Refunds, text: str = "refund A 6000") -> str:
    """Let a colleague refuse what the customer asks for, and return the call."""
    request = await refunds.asked(line, text)
    await line.reject(request.call_id, by="dana", reason="too much")
    return request.call_id


async def test_news_come_before_what_the_customer_says(line: Trunkline, refunds: Refunds) -> None:
    """All that a model needs to speak of it."""
    call_id = await rejected(line, refunds)
    reply = await refunds.told(line, "hello")

    *_, told, said, answer = reply.messages
    assert json.loads(told.text) == {
        "event": "call_decided",
        "call": call_id,
        "tool": "refund",
        "arguments": {"order_id": "A", "cents": 6000},
        "state": "rejected",
        "message": "a colleague refused it: too much",
    }
    assert ((told.id or "")[:2], said.text, answer.text) == ("e-", "hello", "noted")


@pytest.mark.parametrize("given", [[], HumanMessage("hello"), {"messages": HumanMessage("hello")}, {"messages": []}])
async def test_news_are_told_however_a_turn_is_given(line: Trunkline, refunds: Refunds, given: Any) -> None:
    """Also where it is given nothing else."""
    await rejected(line, refunds)
    reply = await line.run(refunds.agent, given, thread=THREAD)

    assert (len(events(reply.messages)), reply.text) == (1, "noted")


async def test_news_are_told_once_and_in_order(line: Trunkline, refunds: Refunds) -> None:
    """Of several calls, and to their own thread alone."""
    calls = [await rejected(line, refunds, f"refund {order} 6000") for order in "AB"]
    other = await refunds.told(line, "hello", thread="t2")
    first = await refunds.told(line, "hello")
    second = await refunds.told(line, "hello")

    assert events(other.messages) == []
    assert [event["call"] for event in events(first.messages)] == calls
    assert len(events(second.messages)) == 2


async def test_news_that_a_failed_turn_was_to_tell_are_told_by_the_next(line: Trunkline, refunds: Refunds) -> None:
    """And stand in the conversation once."""
    call_id = await rejected(line, refunds)

    def fails(messages: list[BaseMessage]) -> Any:
        raise ConnectionError

    with pytest.raises(RunFailedError):
        await line.run(Agent("refunds", model=ScriptedModel(fails), tools=refunds.tools()), "hello", thread=THREAD)
    reply = await refunds.told(line, "hello")

    assert [event["call"] for event in events(reply.messages)] == [call_id]


async def test_news_wait_for_a_turn_that_can_tell_them(line: Trunkline, refunds: Refunds, database: Database) -> None:
    """A turn that goes on where it was has no place for them."""
    await rejected(line, refunds)
    silent = await line.run(refunds.agent, None, thread=THREAD)

    assert events(silent.messages) == []
    assert len(await database.book.news("acme/t1")) == 1
    assert len(events((await refunds.told(line, "hello")).messages)) == 1
    assert await database.book.news("acme/t1") == []


class Dialogue(TypedDict):
    """A state whose messages have another name."""

    said: Annotated[list[AnyMessage], add_messages]


async def test_news_stand_where_the_graph_keeps_its_conversation(line: Trunkline, refunds: Refunds) -> None:
    """Its fan-out node says where that is."""
    await rejected(line, refunds)
    graph: Any = StateGraph(Dialogue)
    graph.add_node("hands", FanOut(refunds.tools(), messages_key="said"))
    graph.add_node("think", lambda state: {"said": []})  # pyright: ignore[reportUnknownLambdaType]
    graph.add_edge(START, "think")
    reply = await line.run(graph, {"said": [HumanMessage("hello")]}, thread=THREAD)

    assert len(events(reply.state["said"])) == 1


async def test_a_late_result_is_news(line: Trunkline) -> None:
    """The turn went on without it, at its soft deadline."""
    begun, may_end = asyncio.Event(), asyncio.Event()

    @tool(effect="read", reads=())
    async def look() -> str:
        """Look for long."""
        begun.set()
        await may_end.wait()
        return "found"

    agent = Agent("desk", model=ScriptedModel([call("look"), "still looking", "found it"]), tools=[look])
    graph = late(agent)
    first = asyncio.create_task(line.run(graph, "look", thread="t"))
    await begun.wait()
    while not first.done():
        await asyncio.wait([first], timeout=0.01)
        await line._clock.advance(1.0)  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue, reportUnknownMemberType]
    may_end.set()
    async with asyncio.timeout(30):
        while not await line.calls():  # noqa: ASYNC110 - the record is what is waited for
            await asyncio.sleep(0.01)
    second = await line.run(graph, [], thread="t")

    [record] = await line.calls()
    assert json.loads((await first).messages[2].text)["status"] == "still_running"
    [event] = events(second.messages)
    assert (event["event"], event["call"], event["result"]) == ("call_finished", record.call_id, "found")
    assert second.text == "found it"


def late(agent: Agent) -> Any:
    """Return the agent's graph with a deadline for its calls."""
    from langgraph.graph import MessagesState

    from trunkline.graphs import wants_tools
    from trunkline.graphs.model_step import ModelStep

    graph: Any = StateGraph(MessagesState)
    graph.add_node("model", ModelStep(agent))
    graph.add_node("tools", FanOut(agent.toolbox, deadline=Deadline(soft=0.5)))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", wants_tools, {"tools": "tools", "answer": "__end__"})
    graph.add_edge("tools", "model")
    return graph


async def test_a_turn_that_is_cancelled_has_told_nothing_for_good(line: Trunkline, refunds: Refunds) -> None:
    """The next one tells it, once."""
    call_id = await rejected(line, refunds)
    asked = asyncio.Event()

    @tool(effect="read", reads=())
    async def wait() -> None:
        """Wait for ever."""
        asked.set()
        await asyncio.Event().wait()

    agent = Agent("refunds", model=ScriptedModel(["", "", [call("wait")]]), tools=[wait])
    running = asyncio.create_task(line.run(agent, "hello", thread=THREAD))
    await asked.wait()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    reply = await refunds.told(line, "hello")

    assert [event["call"] for event in events(reply.messages)] == [call_id]
