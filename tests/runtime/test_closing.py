"""Conversations of runs that were stopped: no call of theirs is left without a result, in the thread's own state."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from itertools import takewhile
from typing import Annotated, Any, TypedDict

import pytest
from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType]
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, interrupt

from stand_ins.processes import run_until_it_dies
from stand_ins.shop import Shop, go_until_death
from trunkline import Agent, FanOut, Trunkline, tool
from trunkline.agents import Models
from trunkline.errors import RunFailedError
from trunkline.graphs import agent_graph, wants_tools
from trunkline.graphs.langchain_agent import TrunklineMiddleware
from trunkline.runtime.reply import Reply
from trunkline.runtime.storage.database import Database, open_database
from trunkline.tools import CallState

MOMENTS = 16
"""How many moments a turn has: each answer of the model, each beginning and each end of a call."""


def dangling(messages: Sequence[AnyMessage]) -> list[str]:
    """Return the calls that have no result before anybody speaks again, and those that have two."""
    wrong: list[str] = []
    for position, message in enumerate(messages):
        if isinstance(message, AIMessage):
            later = takewhile(lambda each: isinstance(each, ToolMessage), messages[position + 1 :])
            answers = [each.tool_call_id for each in later if isinstance(each, ToolMessage)]
            asked = [each["id"] or "" for each in message.tool_calls]
            wrong += sorted({*asked, *answers}) if sorted(asked) != sorted(answers) else []
    return wrong


async def state_of(database: Database, graph: Any, thread: str, key: str = "messages") -> list[AnyMessage]:
    """Return the conversation as it stands in the thread's newest checkpoint."""
    state = await graph.compile(checkpointer=database.saver).aget_state({"configurable": {"thread_id": thread}})
    return state.values.get(key, [])


def answers(messages: Sequence[AnyMessage]) -> dict[str, str]:
    return {message.tool_call_id: message.text for message in messages if isinstance(message, ToolMessage)}


@pytest.mark.parametrize("given", ["hello", None])
async def test_whenever_a_turn_is_cancelled_its_calls_have_results(
    url: str, database: Database, given: str | None
) -> None:
    """In the state itself; what was paid is told as paid, and is paid once, also when the turn goes on."""
    async with Trunkline(url, models=Models({})) as line:
        for moment in range(1, MOMENTS + 1):
            shop, thread = Shop(stop_at=moment), f"t{moment}"
            agent = renamed(shop, moment)
            await shop.stopped(line, agent, thread)
            closed = await state_of(database, agent_graph(agent), thread)
            paid = {text.removesuffix(": paid") for text in answers(closed).values() if text.endswith(": paid")}

            assert (dangling(closed), paid) == ([], set(shop.deeds)), moment
            if closed:
                reply = await line.run(agent, given, thread=thread)
                assert (dangling(reply.messages), reply.text) == ([], "noted"), moment
                assert len(shop.deeds) == len(set(shop.deeds)), moment


def renamed(shop: Shop, moment: int) -> Agent:
    """Return the shop's agent with keys that no other moment has."""
    agent = shop.agent
    made = next(made for made in shop.tools if made.name == "pay")
    own = tool(effect="write", key=f"{moment}:pay:{{order_id}}", writes="order:{order_id}", name="pay")(made.function)
    return Agent(agent.name, model=shop.model(), tools=[shop.tools[0], own])


class Halting(InMemorySaver):
    """A saver that once does not get a checkpoint of this step written."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self._step = step
        self.reached = asyncio.Event()

    async def aput(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        if metadata["step"] == self._step and not self.reached.is_set():
            self.reached.set()
            await asyncio.Event().wait()
        return await super().aput(config, checkpoint, metadata, new_versions)


class Count(TypedDict):
    """A state without messages."""

    count: int


@pytest.mark.parametrize("given", ["hello", None])
@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["agent", "langchain"])
async def test_what_a_step_has_written_before_its_checkpoint_is_kept(
    line: Trunkline, kind: str, step: int, given: str | None
) -> None:
    """The turn is stopped when a node is done, and the checkpoint behind it is not written."""
    shop, saver = Shop(), Halting(step)
    graph = agent_graph(shop.agent).compile() if kind == "agent" else langchain_agent(shop, ours=True)
    graph.checkpointer = saver
    running = asyncio.create_task(line.run(graph, "go", thread="t"))
    await saver.reached.wait()
    running.cancel()
    await asyncio.wait([running])
    reply = await line.run(graph, given, thread="t")

    assert (dangling(reply.messages), reply.text) == ([], "noted")
    told = answers(reply.messages).values()
    assert {f"{order}: paid" for order in shop.deeds} <= set(told)
    assert len(shop.deeds) == len(set(shop.deeds))


class Dialogue(TypedDict):
    """A state whose messages have another name."""

    said: Annotated[list[AnyMessage], add_messages]


def dialogue(shop: Shop) -> Any:
    """Return a graph whose node has another name, and whose messages stand elsewhere."""
    model = shop.model()

    async def think(state: Dialogue) -> Any:
        return {"said": [await model.bind_tools([each.function for each in shop.tools]).ainvoke(state["said"])]}

    graph: Any = StateGraph(Dialogue)
    graph.add_node("think", think)
    graph.add_node("other", FanOut([], messages_key="unused"))
    graph.add_node("hands", FanOut(shop.tools, messages_key="said"))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", partial(wants_tools, messages_key="said"), {"tools": "hands", "answer": END})
    graph.add_edge("hands", "think")
    return graph


@pytest.mark.parametrize("moment", [1, 3, 7, 11])
async def test_a_node_of_another_name_is_closed_under_its_own_key(
    line: Trunkline, database: Database, moment: int
) -> None:
    """And the one that does not answer the model is left alone."""
    shop = Shop(stop_at=moment)
    graph = dialogue(shop)
    await shop.stopped(line, graph, "t", {"said": [HumanMessage("go")]})
    closed = await state_of(database, graph, "t", key="said")
    reply = await line.run(graph, {"said": [HumanMessage("hello")]}, thread="t")

    assert dangling(closed) == []
    assert dangling(reply.state["said"]) == []
    assert len(shop.deeds) == len(set(shop.deeds))


async def test_a_graph_without_messages_is_left_alone(line: Trunkline) -> None:
    """It goes on where it was stopped."""
    begun, ran = asyncio.Event(), list[str]()

    async def step(state: Count) -> Count:
        ran.append("step")
        if len(ran) == 1:
            begun.set()
            await asyncio.Event().wait()
        return {"count": state["count"] + 1}

    graph: Any = StateGraph(Count).add_sequence([step]).add_edge(START, "step")
    running = asyncio.create_task(line.run(graph, {"count": 1}, thread="t"))
    await begun.wait()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running

    assert (await line.run(graph, None, thread="t")).state == {"count": 2}
    assert ran == ["step", "step"]


@pytest.mark.parametrize("moment", [2, 5, 9])
async def test_an_agent_inside_a_graph_leaves_no_call_open_in_it(
    line: Trunkline, database: Database, moment: int
) -> None:
    """The outer conversation holds only whole turns of it; what it paid is not paid again."""
    shop = Shop(stop_at=moment)
    graph: Any = StateGraph(MessagesState)
    graph.add_node("shop", agent_graph(shop.agent).compile())
    graph.add_edge(START, "shop")
    await shop.stopped(line, graph, "t")
    closed = await state_of(database, graph, "t")
    reply = await line.run(graph, "go", thread="t")

    assert (dangling(closed), dangling(reply.messages), reply.text) == ([], [], "noted")
    assert sorted(shop.deeds) == ["A", "B", "C"]


def langchain_agent(shop: Shop, *, ours: bool) -> Any:
    create: Any = create_agent  # pyright: ignore[reportUnknownVariableType]
    if ours:
        return create(shop.model(), middleware=[TrunklineMiddleware(shop.tools)])
    return create(shop.model(), tools=[each.function for each in shop.tools])


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("moment", [2, 5, 8])
async def test_an_agent_of_langchain_is_closed_too(line: Trunkline, moment: int, *, ours: bool) -> None:
    """With the results that the ledger has; of calls that are on no record nobody knows."""
    shop = Shop(stop_at=moment)
    graph = langchain_agent(shop, ours=ours)
    await shop.stopped(line, graph, "t")
    reply = await line.run(graph, "hello", thread="t")

    told = answers(reply.messages)
    assert (dangling(reply.messages), reply.text, len(told)) == ([], "noted", 4)
    errors = {json.loads(text)["error"] for text in told.values() if text.startswith("{")}
    assert errors <= ({"cancelled"} if ours else {"unknown"})
    assert not ours or {f"{deed}: paid" for deed in shop.deeds} <= set(told.values())


async def test_an_effect_of_a_process_that_died_is_unknown_to_a_new_message(url: str) -> None:
    """It may have happened; asking again is safe, and does not find its key taken for ever."""
    await asyncio.to_thread(run_until_it_dies, go_until_death, url)
    alive = Shop()
    async with Trunkline(url, models=Models({})) as line, open_database(url) as database:
        first = await line.run(alive.agent, "hello", thread="t")
        states = {record.tool: record.state for record in await line.calls(states=[CallState.UNKNOWN])}
        again = await line.run(alive.agent, "go", thread="t")
        closed = await state_of(database, agent_graph(alive.agent), "t")

    assert (dangling(first.messages), dangling(again.messages), dangling(closed)) == ([], [], [])
    told = [json.loads(text) for id_, text in answers(first.messages).items() if id_ in {"call_0_1", "call_0_3"}]
    assert {each["error"] for each in told} <= {"unknown", "cancelled"}
    assert "unknown" in {each["error"] for each in told}
    assert (states, alive.deeds) == ({"pay": CallState.UNKNOWN}, ["A", "B", "C"])


async def test_ids_of_calls_may_come_again(line: Trunkline, database: Database) -> None:
    """As with endpoints that number the calls of each message anew."""

    async def answer(state: MessagesState) -> Any:
        message = await model.ainvoke(state["messages"])
        anew = [{**asked, "id": f"call_{position}"} for position, asked in enumerate(message.tool_calls)]
        return {"messages": [message.model_copy(update={"tool_calls": anew})]}

    shop = Shop(stop_at=12)
    model = shop.model().bind_tools([each.function for each in shop.tools])
    graph: Any = StateGraph(MessagesState)
    graph.add_node("model", answer)
    graph.add_node("tools", FanOut(shop.tools))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", wants_tools, {"tools": "tools", "answer": END})
    graph.add_edge("tools", "model")
    await shop.stopped(line, graph, "t")
    closed = await state_of(database, graph, "t")

    assert sum(isinstance(message, AIMessage) for message in closed) == 2
    assert dangling(closed) == []


def careful(asked: list[str], *, fails: int) -> Any:
    """Return a graph that asks a person between the model and its tools, and fails a few times afterwards."""

    async def ask(state: MessagesState) -> Any:
        del state
        asked.append(str(interrupt("sure?")))
        if len(asked) <= fails:
            raise ConnectionError
        return {}

    shop = Shop()
    graph: Any = agent_graph(shop.agent)
    graph.add_node("ask", ask)
    graph.edges.discard(("tools", "model"))
    graph.add_edge("tools", "ask")
    graph.add_edge("ask", "model")
    return graph


@pytest.mark.parametrize("fails", [0, 1])
async def test_graphs_that_interrupt_go_on(line: Trunkline, fails: int) -> None:
    """With a command, also when the one before it failed."""
    asked: list[str] = []
    graph = careful(asked, fails=fails)
    waiting = await line.run(graph, "go", thread="t")
    if fails:
        with pytest.raises(RunFailedError):
            await line.run(graph, Command(resume="no"), thread="t")
    second: Reply = await line.run(graph, Command(resume="yes"), thread="t")
    done: Reply = await line.run(graph, Command(resume="yes"), thread="t")

    assert (waiting.interrupts, second.interrupts) == (("sure?",), ("sure?",))
    assert (dangling(done.messages), done.text) == ([], "noted")
