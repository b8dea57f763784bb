"""LangGraph's programs end as they do over its own saver in memory, with the same history."""

import operator
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypedDict, cast

import pytest
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, Interrupt, Send, interrupt

from stand_ins.checkpoints import Saver
from trunkline import SQLAlchemySaver
from trunkline.runtime.storage.checkpoints.keyring import Keyring

THREAD: Any = {"configurable": {"thread_id": "t"}}
Program = Callable[[Saver], Awaitable[Any]]


class Log(TypedDict):
    log: Annotated[list[str], operator.add]


class Chat(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


class Delta(TypedDict):
    log: Annotated[list[str], DeltaChannel(operator.add, snapshot_frequency=3)]


def plain(value: Any) -> Any:
    """The value without the ids that differ from run to run."""
    if isinstance(value, BaseMessage):
        return value.type, value.content
    if isinstance(value, Interrupt):
        return "interrupt", value.value
    if isinstance(value, dict):
        return {key: plain(one) for key, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in cast("list[Any]", value)]
    return value


def noted(state: Any) -> Any:
    """A state's values, what comes next, and where it comes from."""
    tasks = [(task.name, task.error, task.interrupts, task.result) for task in state.tasks]
    return state.values, state.next, state.metadata.get("source"), state.metadata.get("step"), tasks


async def history(graph: Any, config: Any = THREAD) -> list[Any]:
    return [noted(state) async for state in graph.aget_state_history(config)]


async def fan_out_that_breaks_and_resumes(saver: Saver) -> Any:
    """Finished siblings are not run again."""
    ran: list[int] = []

    async def work(state: Any) -> Any:
        ran.append(state["number"])
        if state["number"] == 3 and ran.count(3) == 1:
            raise ConnectionError("once")
        return {"log": [f"did {state['number']}"]}

    builder = StateGraph(Log)
    builder.add_node("work", work)

    def split(state: Log) -> list[Send]:
        del state
        return [Send("work", {"number": number}) for number in range(6)]

    builder.add_conditional_edges(START, split, ["work"])
    graph = builder.compile(checkpointer=saver)
    with pytest.raises(ConnectionError):
        await graph.ainvoke({"log": ["go"]}, THREAD, durability="sync")
    return await graph.ainvoke(None, THREAD, durability="sync"), ran.count(3), await history(graph)


def asking(saver: Saver, *, stateful: bool) -> Any:
    """A graph whose subgraph asks a person."""

    async def ask(state: Log) -> Any:
        return {"log": [f"asked and heard {interrupt('well?')}"]}

    async def before(state: Log) -> Any:
        return {"log": [f"inner saw {len(state['log'])}"]}

    inner = StateGraph(Log)
    inner.add_node("before", before)
    inner.add_node("ask", ask)
    inner.add_edge(START, "before")
    inner.add_edge("before", "ask")
    outer = StateGraph(Log)
    outer.add_node("inner", inner.compile(checkpointer=True) if stateful else inner.compile())
    outer.add_edge(START, "inner")
    return outer.compile(checkpointer=saver)


async def interrupt_in_a_subgraph(saver: Saver) -> Any:
    """Asked twice, on two turns."""
    graph = asking(saver, stateful=False)
    out: list[Any] = []
    for turn in ("one", "two"):
        await graph.ainvoke({"log": [turn]}, THREAD)
        inner = (await graph.aget_state(THREAD, subgraphs=True)).tasks[0].state
        out += [noted(inner)[:4], await graph.ainvoke(Command(resume="yes"), THREAD)]
    return out, await history(graph)


async def subgraph_with_a_memory_of_its_own(saver: Saver) -> Any:
    """Its state outlives each call."""
    graph = asking(saver, stateful=True)
    out: list[Any] = []
    for turn in ("one", "two", "three"):
        await graph.ainvoke({"log": [turn]}, THREAD)
        out.append(await graph.ainvoke(Command(resume=turn), THREAD))
    return out, await history(graph)


async def time_travel_through_a_subgraph(saver: Saver) -> Any:
    """From before the question, and from the question itself."""
    graph = asking(saver, stateful=False)
    await graph.ainvoke({"log": ["one"]}, THREAD)
    await graph.ainvoke(Command(resume="first"), THREAD)
    states = [state async for state in graph.aget_state_history(THREAD)]
    out: list[Any] = []
    for state in states[1:]:
        out.append(await graph.ainvoke(None, state.config))
        out.append(await graph.ainvoke(Command(resume="again"), THREAD))
    return out, await history(graph)


def chatting(saver: Saver) -> Any:
    async def model(state: Chat) -> Any:
        return {"messages": [AIMessage(f"heard {len(state['messages'])}")]}

    builder = StateGraph(Chat)
    builder.add_node("model", model)
    builder.add_edge(START, "model")
    builder.add_edge("model", END)
    return builder.compile(checkpointer=saver)


async def fork_and_update(saver: Saver) -> Any:
    """A state is changed, an older one goes on, with and without a change."""
    graph = chatting(saver)
    for text in ("a", "b", "c"):
        await graph.ainvoke({"messages": [HumanMessage(text, id=text)]}, THREAD)
    states = [state async for state in graph.aget_state_history(THREAD)]
    forked = await graph.aupdate_state(states[4].config, {"messages": [HumanMessage("changed", id="b")]})
    await graph.ainvoke(None, forked)
    await graph.ainvoke({"messages": [HumanMessage("d", id="d")]}, states[3].config)
    await graph.aupdate_state(THREAD, {"messages": [HumanMessage("e", id="e")]})
    await graph.ainvoke({"messages": [HumanMessage("f", id="f")]}, THREAD)
    return await history(graph)


async def durability_of_the_exit(saver: Saver) -> Any:
    """One checkpoint a run."""
    graph = chatting(saver)
    for text in ("a", "b"):
        await graph.ainvoke({"messages": [HumanMessage(text, id=text)]}, THREAD, durability="exit")
    return await history(graph)


async def delta_channels(saver: Saver, durability: Any = "async") -> Any:
    """Rebuilt from writes, across runs, forks and a prune."""

    async def step(state: Delta) -> Any:
        return {"log": [f"saw {len(state['log'])}"]}

    builder = StateGraph(Delta)
    for name in ("one", "two"):
        builder.add_node(name, step)
    builder.add_edge(START, "one")
    builder.add_edge("one", "two")
    graph = builder.compile(checkpointer=saver)
    for turn in range(7):
        await graph.ainvoke({"log": [f"turn {turn}"]}, THREAD, durability=durability)
    states = [state async for state in graph.aget_state_history(THREAD)]
    if len(states) > 5:
        await graph.ainvoke(None, states[5].config, durability=durability)
    before = await graph.aget_state(THREAD)
    if isinstance(saver, SQLAlchemySaver):
        await saver.acopy_thread("t", "copy")
        await saver.aprune(["t"])
        copy = await graph.aget_state({"configurable": {"thread_id": "copy"}})
        assert copy.values == (await graph.aget_state(THREAD)).values == before.values
    after = await graph.ainvoke({"log": ["on"]}, THREAD, durability=durability)
    return [noted(state) for state in states], noted(before), after


async def delta_channels_at_the_exit(saver: Saver) -> Any:
    """Whose writes come with the last checkpoint."""
    return await delta_channels(saver, "exit")


PROGRAMS: list[Program] = [
    fan_out_that_breaks_and_resumes,
    interrupt_in_a_subgraph,
    subgraph_with_a_memory_of_its_own,
    time_travel_through_a_subgraph,
    fork_and_update,
    durability_of_the_exit,
    delta_channels,
    delta_channels_at_the_exit,
]


@asynccontextmanager
async def ours(url: str, keys: Keyring | None) -> AsyncGenerator[Saver]:
    async with SQLAlchemySaver.from_conn_string(url, keys=keys) as saver:
        yield saver


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
@pytest.mark.filterwarnings("ignore:.*DeltaChannel.*")
async def test_a_program_ends_as_in_memory(url: str, keys: Keyring | None, program: Program) -> None:
    """Values, next steps, interrupts and the whole history are the same."""
    async with ours(url, keys) as saver:
        assert plain(await program(saver)) == plain(await program(InMemorySaver()))
