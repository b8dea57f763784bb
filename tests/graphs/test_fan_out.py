"""The fan-out node in graphs of every kind."""

import asyncio
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Send, interrupt
from pydantic import BaseModel

from stand_ins.calls import ask
from trunkline.agents import Models
from trunkline.graphs import FanOut
from trunkline.graphs.scope import Scope, with_scope
from trunkline.tools import CallExecutor, CallResult, Done, ToolCallFinished, ToolCallStarted, current_call, tool
from trunkline.tools.signature import Function

THREAD: RunnableConfig = {"configurable": {"thread_id": "t"}}


class Shelf:
    """Tools that write down what they did."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.look = tool(effect="read", reads=(), name="look")(self._look)
        self.put = tool(effect="write", key="put:{name}", writes="shelf:{name}", name="put")(self._put)
        self.tools = [self.look, self.put]

    async def _look(self, name: str) -> dict[str, str]:
        """Look at the shelf."""
        self.done.append(f"look {name}")
        return {"found": name}

    async def _put(self, name: str) -> str:
        """Put a thing there."""
        self.done.append(f"put {name}")
        return f"{name} is there"


def wants(*calls: tuple[str, dict[str, Any]], id_: str | None = "m1") -> AIMessage:
    """A model's message that asks for tools."""
    asked = [
        {"name": name, "args": arguments, "id": f"call_{n}", "type": "tool_call"}
        for n, (name, arguments) in enumerate(calls)
    ]
    return AIMessage("", id=id_, tool_calls=asked)


def graph(fan_out: Function, state: type[Any] = MessagesState, **settings: Any) -> Any:
    """A graph of one node."""
    builder: Any = StateGraph(state)
    builder.add_node("tools", fan_out)
    builder.add_edge(START, "tools")
    builder.add_edge("tools", END)
    return builder.compile(**settings)


def outputs(results: Sequence[CallResult]) -> list[object]:
    return [result.outcome.output for result in results if isinstance(result.outcome, Done)]


def answers(messages: Sequence[AnyMessage]) -> list[tuple[str, str | None, str]]:
    return [(each.tool_call_id, each.name, each.text) for each in messages if isinstance(each, ToolMessage)]


@pytest.mark.parametrize("settings", [{}, {"checkpointer": InMemorySaver()}], ids=["alone", "with a checkpointer"])
async def test_it_answers_every_call_in_the_models_order(settings: dict[str, Any]) -> None:
    """In a plain graph, with and without a checkpointer, all calls are in flight at once."""
    everyone = asyncio.Barrier(8)

    @tool(effect="read")
    async def meet(seat: int) -> dict[str, int]:
        """Wait for all others."""
        await everyone.wait()
        return {"seat": seat}

    asked = wants(*[("meet", {"seat": n}) for n in range(8)])
    ended = await graph(FanOut([meet]), **settings).ainvoke({"messages": [asked]}, THREAD)
    assert answers(ended["messages"]) == [(f"call_{n}", "meet", f'{{"seat":{n}}}') for n in range(8)]
    assert [message.status for message in ended["messages"][1:]] == ["success"] * 8


class PydanticState(BaseModel):
    messages: Annotated[list[AnyMessage], add_messages]


@dataclass
class DataclassState:
    messages: Annotated[list[AnyMessage], add_messages] = field(default_factory=list[AnyMessage])


class Talk(TypedDict):
    items: Annotated[list[AnyMessage], add_messages]


class Untidy(TypedDict):
    messages: Annotated[list[AnyMessage], operator.add]


@pytest.mark.parametrize(
    ("state", "key"),
    [(PydanticState, "messages"), (DataclassState, "messages"), (Talk, "items"), (Untidy, "messages")],
)
async def test_it_works_on_any_state_with_messages(state: type[Any], key: str) -> None:
    """Whatever kind of state it is, and whatever the messages are called in it."""
    shelf = Shelf()
    asked = wants(("look", {"name": "a"}), ("put", {"name": "b"}), id_=None)
    ended = await graph(FanOut(shelf.tools, messages_key=key), state).ainvoke({key: [asked]})

    assert answers(ended[key]) == [("call_0", "look", '{"found":"a"}'), ("call_1", "put", "b is there")]


async def test_what_the_model_got_wrong_is_a_result() -> None:
    """Unknown tools, wrong arguments and arguments that are no JSON are answered like every other call."""
    asked = wants(("find", {}), ("look", {"nam": "a"}), ("look", {"name": "a"}))
    asked.invalid_tool_calls = [
        {"name": "put", "args": '{"name": "b', "id": "call_3", "error": "", "type": "invalid_tool_call"}
    ]
    ended = await graph(FanOut(Shelf().tools)).ainvoke({"messages": [asked]})

    texts = [text for _, _, text in answers(ended["messages"])]
    assert texts[0] == '{"error":"rejected","message":"there is no tool \'find\'; the tools are: look, put"}'
    assert texts[1].startswith('{"error":"rejected","message":"the arguments of \'look\' are not valid: ')
    assert texts[2:] == [
        '{"found":"a"}',
        '{"error":"rejected","message":"the arguments are not a JSON object: {\\"name\\": \\"b"}',
    ]
    assert [message.status for message in ended["messages"][1:]] == ["error", "error", "success", "error"]


async def before_tools(node: Any) -> RunnableConfig:
    """Where the thread stood before its first step."""
    return [each.config async for each in node.aget_state_history(THREAD) if each.next == ("tools",)][-1]


async def test_going_back_in_a_thread_repeats_nothing() -> None:
    """The same message in the same thread has the results that are in the ledger, under the same message ids."""
    shelf = Shelf()
    node = graph(FanOut(shelf.tools), checkpointer=InMemorySaver())
    first = await node.ainvoke({"messages": [wants(("look", {"name": "a"}), ("put", {"name": "b"}))]}, THREAD)
    again = await node.ainvoke(None, await before_tools(node))

    assert again["messages"] == first["messages"]
    assert sorted(shelf.done) == ["look a", "put b"]


async def test_another_thread_or_none_is_another_call() -> None:
    """Only a thread has a past."""
    shelf = Shelf()
    alone, saved = graph(FanOut([shelf.look])), graph(FanOut([shelf.look]), checkpointer=InMemorySaver())
    asked = {"messages": [wants(("look", {"name": "a"}))]}
    await asyncio.gather(alone.ainvoke(asked), alone.ainvoke(asked), saved.ainvoke(asked, THREAD))
    await saved.ainvoke(asked, {"configurable": {"thread_id": "other"}})

    assert shelf.done == ["look a"] * 4


async def test_an_edited_message_is_answered_anew() -> None:
    """A person went back and changed an argument: only the call that did not change keeps its result."""
    shelf = Shelf()
    node = graph(FanOut(shelf.tools), checkpointer=InMemorySaver())
    await node.ainvoke({"messages": [wants(("put", {"name": "a"}), ("put", {"name": "b"}))]}, THREAD)
    edited = {"messages": [wants(("put", {"name": "a"}), ("put", {"name": "c"}))]}
    fork = await node.aupdate_state(await before_tools(node), edited, as_node=START)
    ended = await node.ainvoke(None, fork)

    assert answers(ended["messages"]) == [("call_0", "put", "a is there"), ("call_1", "put", "c is there")]
    assert shelf.done == ["put a", "put b", "put c"]


async def test_a_node_that_failed_after_its_calls_does_not_repeat_them() -> None:
    """A resumed node makes the same calls in the same places and finds them done."""
    shelf = Shelf()
    fan_out = FanOut(shelf.tools)
    troubles = iter([ConnectionError("gone")])

    async def step(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
        first = await fan_out.run([ask(shelf.put, name="a"), ask(shelf.look, name="b")], config)
        second = await fan_out.run([ask(shelf.put, name="c")], config)
        for trouble in troubles:
            raise trouble
        return {"messages": [HumanMessage(str(outputs([*first, *second])))]}

    node = graph(step, checkpointer=InMemorySaver())
    with pytest.raises(ConnectionError):
        await node.ainvoke({"messages": []}, THREAD)
    ended = await node.ainvoke(None, THREAD)
    assert sorted(shelf.done) == ["look b", "put a", "put c"]
    assert ended["messages"][0].text == "['a is there', {'found': 'b'}, 'c is there']"


async def test_code_in_a_node_can_run_calls_one_batch_after_another() -> None:
    """Each batch has its own results; the same requests again have the first ones."""
    shelf = Shelf()
    fan_out, seen = FanOut(shelf.tools), list[list[object]]()

    async def step(state: MessagesState, config: RunnableConfig) -> None:
        for names in ("ab", "c", "ab"):
            seen.append(outputs(await fan_out.run([ask(shelf.look, name=name) for name in names], config)))

    await graph(step, checkpointer=InMemorySaver()).ainvoke({"messages": []}, THREAD)
    assert seen == [[{"found": "a"}, {"found": "b"}], [{"found": "c"}], [{"found": "a"}, {"found": "b"}]]
    assert shelf.done == ["look a", "look b", "look c"]


async def test_a_batch_that_is_named_is_the_same_wherever_it_is_asked_for() -> None:
    """Two steps of a thread that name one batch have one result."""
    shelf = Shelf()
    fan_out = FanOut(shelf.tools)

    async def step(state: MessagesState, config: RunnableConfig) -> None:
        await fan_out.run([ask(shelf.look, name="a")], config, batch="opening")

    node = graph(step, checkpointer=InMemorySaver())
    for _ in range(2):
        await node.ainvoke({"messages": []}, THREAD)
    assert shelf.done == ["look a"]


def thrice(state: MessagesState) -> list[Send]:
    return [Send("step", state)] * 3


async def test_tasks_that_are_sent_side_by_side_have_their_own_calls() -> None:
    """A map step that asks for the same in each task, for instance for the time, asks each time."""
    shelf = Shelf()
    fan_out = FanOut(shelf.tools)

    async def step(state: MessagesState, config: RunnableConfig) -> None:
        await fan_out.run([ask(shelf.look, name="a")], config)

    builder: Any = StateGraph(MessagesState)
    builder.add_node("step", step)
    builder.add_conditional_edges(START, thrice, ["step"])
    await builder.compile(checkpointer=InMemorySaver()).ainvoke({"messages": []}, THREAD)
    assert shelf.done == ["look a"] * 3


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        ([], "nothing"),
        ([HumanMessage("Hi")], "HumanMessage"),
        ([ToolMessage("x", tool_call_id="c")], "ToolMessage"),
    ],
)
async def test_it_must_follow_a_model(messages: list[AnyMessage], found: str) -> None:
    """The error says what it found at the end of which messages."""
    with pytest.raises(TypeError) as raised:
        await graph(FanOut([])).ainvoke({"messages": messages})

    assert str(raised.value) == (
        f"FanOut answers a model's message and found {found} at the end of 'messages'; route to it after a model"
    )


async def test_the_stream_tells_of_each_call() -> None:
    """As typed events, when it starts and when it ends."""
    shelf = Shelf()
    asked = {"messages": [wants(("look", {"name": "a"}))]}
    events = [event async for event in graph(FanOut(shelf.tools)).astream(asked, stream_mode="custom")]

    [started, finished] = events
    assert started == ToolCallStarted(call_id=started.call_id, tool="look", arguments={"name": "a"})
    assert finished == ToolCallFinished(
        call_id=started.call_id, tool="look", outcome=Done(output={"found": "a"}), seconds=finished.seconds
    )


class Hall:
    """A read and a write that wait to be let go."""

    def __init__(self) -> None:
        self.let_go, self.both_in, self.ended = asyncio.Event(), asyncio.Barrier(3), list[str]()
        self.tools = [
            tool(effect="read", reads=(), name="wait")(self._wait),
            tool(effect="write", key="act", writes="hall", name="act")(self._act),
        ]

    async def _wait(self) -> str:
        """Wait."""
        return await self._stay("wait")

    async def _act(self) -> str:
        """Act."""
        return await self._stay("act")

    async def _stay(self, name: str) -> str:
        await self.both_in.wait()
        await self.let_go.wait()
        self.ended.append(name)
        return name


async def test_a_cancelled_graph_ends_its_running_effect_first() -> None:
    """The read is dropped, the effect ends and is on record, and a later run of the thread finds it done."""
    hall = Hall()
    node = graph(FanOut(hall.tools), checkpointer=InMemorySaver())
    asked = {"messages": [wants(("wait", {}), ("act", {}))]}
    running = asyncio.create_task(node.ainvoke(asked, THREAD))
    await hall.both_in.wait()
    running.cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    ended_early = running.done()
    hall.let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (ended_early, hall.ended) == (False, ["act"])

    hall.both_in = asyncio.Barrier(1)
    ended = await node.ainvoke(None, THREAD)
    assert answers(ended["messages"]) == [("call_0", "wait", "wait"), ("call_1", "act", "act")]
    assert hall.ended == ["act", "wait"]


async def test_under_a_scope_its_executor_and_its_run_are_used() -> None:
    """Two fan-outs of a run share one ledger, and a tool knows the run that it works for."""
    runs = list[str]()

    @tool(effect="write", key="note", writes=())
    async def note() -> str:
        """Note the run."""
        runs.append(current_call().run_id)
        return current_call().thread_id

    scope = Scope(run_id="r-1", thread_id="t", executor=CallExecutor(), models=Models({}))
    config: RunnableConfig = {"configurable": with_scope({"thread_id": "t"}, scope)}
    saver, asked = InMemorySaver(), {"messages": [wants(("note", {}))]}
    ended = await graph(FanOut([note]), checkpointer=saver).ainvoke(asked, config)
    again = await graph(FanOut([note])).ainvoke(asked, config)

    assert answers(ended["messages"]) == answers(again["messages"]) == [("call_0", "note", "t")]
    assert runs == ["r-1"]
    kept = saver.get_tuple(THREAD)
    assert kept is not None
    assert "scope" not in str(kept.metadata)


def test_it_can_be_used_in_one_loop_after_another() -> None:
    """A module's graph outlives the event loops of scripts and tests."""
    shelf = Shelf()
    node = graph(FanOut([tool(effect="read", limit=1, name="look")(shelf.look.function)]))
    asked = {"messages": [wants(("look", {"name": "a"}), ("look", {"name": "b"}))]}

    for _ in range(2):
        asyncio.run(node.ainvoke(asked))
    assert shelf.done == ["look a", "look b"] * 2


async def test_a_tool_that_interrupts_the_graph_is_told_what_to_declare_instead() -> None:
    """An approval holds up one call; an interrupt would hold up all."""

    @tool(effect="read", reads=())
    async def nosy() -> str:
        """Ask somebody."""
        return str(interrupt("may I?"))

    builder: Any = StateGraph(MessagesState)
    builder.add_node("tools", FanOut([nosy]))
    builder.add_edge(START, "tools")
    asked: Any = AIMessage("", id="m", tool_calls=[{"name": "nosy", "args": {}, "id": "call"}])
    ended = await builder.compile().ainvoke({"messages": [asked]})

    assert "declare approve= or confirm= instead" in ended["messages"][-1].text
