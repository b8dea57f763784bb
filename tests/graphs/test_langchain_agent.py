"""LangChain's agent with its tools in our engine."""

import asyncio
import importlib
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType]
from langchain.agents.middleware import AgentMiddleware, HumanInTheLoopMiddleware, ToolRetryMiddleware, hook_config
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool as langchain_tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from trunkline.agents import ScriptedModel, call
from trunkline.errors import AsyncOnlyError, MissingExtraError, OutsideMiddlewareError
from trunkline.graphs.langchain_agent import TrunklineMiddleware
from trunkline.tools import (
    Engine,
    MemoryLedger,
    ToolCallFinished,
    ToolCallStarted,
    ToolRejectedError,
    current_call,
    tool,
)

create: Any = create_agent  # pyright: ignore[reportUnknownVariableType]

THREAD: RunnableConfig = {"configurable": {"thread_id": "t"}}
GO: Any = {"messages": [("user", "go")]}
MODEL = ScriptedModel(["thought about it"])


class Shop:
    """Tools that write down what they did."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.posting, self.let_go = asyncio.Event(), asyncio.Event()
        self.get = tool(effect="read", reads="order:{order}", name="get")(self._get)
        self.set = tool(effect="write", key="set:{order}:{to}", writes="order:{order}", name="set")(self._set)
        self.post = tool(effect="write_once", writes="letter:{order}", name="post")(self._post)
        self.tools = [self.get, self.set, self.post]

    async def _get(self, order: str) -> str:
        """Read an order."""
        self.done.append(f"get {order}")
        return f"{order}: {current_call().tool}"

    async def _set(self, order: str, to: str) -> str:
        """Change an order."""
        if to == "refused":
            raise ToolRejectedError("the shop is closed")
        if to == "late":
            await self.let_go.wait()
        if order == "B":
            self.let_go.set()
        self.done.append(f"set {order} {to}")
        return f"{order} is {to}"

    async def _post(self, order: str) -> str:
        """Post a letter, which takes until somebody lets it go."""
        self.posting.set()
        await self.let_go.wait()
        self.done.append(f"posted {order}")
        return "posted"


def agent(shop: Shop, *calls: Any, outer: Sequence[Any] = (), inner: Sequence[Any] = (), **settings: Any) -> Any:
    """An agent that asks once for the calls."""
    ours = TrunklineMiddleware(shop.tools, engine=settings.pop("engine", None))
    return create(ScriptedModel([list(calls), "done", "done"]), middleware=[*outer, ours, *inner], **settings)


def answers(ended: Any) -> list[str]:
    messages: list[AnyMessage] = ended["messages"]
    return [message.text for message in messages if isinstance(message, ToolMessage)]


async def test_all_calls_of_a_message_are_in_flight_at_once() -> None:
    """Though LangChain makes a task of each; results come in the model's order."""
    everyone = asyncio.Barrier(8)

    @tool(effect="read")
    async def meet(seat: int) -> int:
        """Wait for all others."""
        await everyone.wait()
        return seat

    model = ScriptedModel([[call("meet", seat=seat) for seat in range(8)], "done"])
    made = create(model, middleware=[TrunklineMiddleware([meet])])
    assert answers(await made.ainvoke(GO)) == [str(seat) for seat in range(8)]


async def test_calls_that_conflict_keep_the_models_order() -> None:
    """Also where the first of them ends only after what does not conflict with it."""
    shop = Shop()
    calls = [call("set", order="A", to="late"), call("get", order="A"), call("set", order="A", to="b")]
    await agent(shop, *calls, call("set", order="B", to="c")).ainvoke(GO)

    assert shop.done == ["set B c", "set A late", "get A", "set A b"]


async def test_a_call_that_fails_is_a_result() -> None:
    """Its siblings go on, and the model reads what went wrong."""
    refused, odd, read = call("set", order="A", to="refused"), call("get", ordre="A"), call("get", order="B")
    ended = await agent(Shop(), refused, odd, read).ainvoke(GO)

    results = [message for message in ended["messages"] if isinstance(message, ToolMessage)]
    assert [result.status for result in results] == ["error", "error", "success"]
    assert [result.name for result in results] == ["set", "get", "get"]
    assert results[0].text == '{"error":"rejected","message":"the shop is closed"}'
    assert results[2].text == "B: get"


async def test_tools_of_the_agent_itself_run_beside_ours() -> None:
    """They are LangChain's business."""

    @langchain_tool
    async def weather(city: str) -> str:
        """Tell the weather."""
        return f"{city}: rain"

    ended = await agent(Shop(), call("weather", city="X"), call("get", order="A"), tools=[weather]).ainvoke(GO)
    assert answers(ended) == ["X: rain", "A: get"]


class Ear(BaseCallbackHandler):
    """Keeps what it hears of tools, and below which run each model was called."""

    run_inline = True

    def __init__(self) -> None:
        self.tools = dict[Any, dict[str, Any]]()
        self.models = list[str | None]()

    def on_tool_start(self, serialized: dict[str, Any], input_str: str, **given: Any) -> None:
        self.tools[given["run_id"]] = {"name": given["name"], **given.get("trunkline", {})}

    def on_chat_model_start(self, *_: Any, **given: Any) -> None:
        if below := self.tools.get(given["parent_run_id"]):
            self.models.append(below["name"])


@tool(effect="read")
async def think(about: str) -> str:
    """Ask a model."""
    return (await MODEL.ainvoke(about)).text


async def test_a_call_is_one_tool_run_of_our_own() -> None:
    """Models that a tool calls are traced below it; LangChain traces no second run of the tool."""
    ear = Ear()
    model = ScriptedModel([[call("think", about="x"), call("think", about="y")], "done"])
    made = create(model, middleware=[TrunklineMiddleware([think])])
    ended = await made.ainvoke(GO, {"callbacks": [ear]})

    assert [(run["name"], run["effect"]) for run in ear.tools.values()] == [("think", "read")] * 2
    assert {run["batch"] for run in ear.tools.values()} == {ended["messages"][1].id}
    assert ear.models == ["think", "think"]


async def test_a_stream_tells_of_the_calls() -> None:
    """The events of a FanOut, through LangGraph's custom stream."""
    asked = agent(Shop(), call("get", order="A"))
    told = [event async for event in asked.astream(GO, stream_mode="custom")]

    assert [type(event) for event in told] == [ToolCallStarted, ToolCallFinished]


class Meddler(AgentMiddleware[Any, Any, Any]):
    """Answers for one order itself, and changes another."""

    async def awrap_tool_call(self, request: Any, handler: Any) -> Any:
        asked = request.tool_call
        if asked["args"]["order"] == "A":
            return ToolMessage("not yours", tool_call_id=asked["id"])
        return await handler(request.override(tool_call={**asked, "args": {"order": "C"}}))


@pytest.mark.parametrize("side", ["outer", "inner"])
async def test_other_middleware_has_its_say(side: str) -> None:
    """What it answers is never run, what it changes runs as changed, on whichever side of ours it stands."""
    shop = Shop()
    asked = agent(shop, call("get", order="A"), call("get", order="B"), **{side: [Meddler()]})

    assert answers(await asked.ainvoke(GO)) == ["not yours", "C: get"]
    assert shop.done == ["get C"]


class Insister(AgentMiddleware[Any, Any, Any]):
    """Asks twice for each call."""

    async def awrap_tool_call(self, request: Any, handler: Any) -> Any:
        await handler(request)
        return await handler(request)


@pytest.mark.parametrize("side", ["outer", "inner"])
async def test_a_call_that_middleware_makes_twice_runs_once(side: str) -> None:
    """It is one call, whose result is on record."""
    shop = Shop()
    asked = agent(shop, call("set", order="A", to="b"), call("get", order="B"), **{side: [Insister()]})

    assert answers(await asked.ainvoke(GO)) == ["A is b", "B: get"]
    assert sorted(shop.done) == ["get B", "set A b"]


async def test_middleware_that_retries_has_nothing_to_do() -> None:
    """A failure is a result for the model, and not an error of the agent."""
    asked = agent(Shop(), call("set", order="A", to="refused"), inner=[ToolRetryMiddleware(max_retries=2)])

    assert answers(await asked.ainvoke(GO)) == ['{"error":"rejected","message":"the shop is closed"}']


async def test_effects_that_run_end_when_the_run_is_cancelled() -> None:
    """They are on record, so that the resumed run does not repeat them, nor what was finished before."""
    shop = Shop()
    asked = agent(shop, call("set", order="A", to="b"), call("post", order="A"), checkpointer=InMemorySaver())
    running = asyncio.create_task(asked.ainvoke(GO, THREAD))
    await shop.posting.wait()
    running.cancel()
    await asyncio.wait([running], timeout=0)
    shop.let_go.set()
    with suppress(asyncio.CancelledError):
        await running

    assert (running.cancelled(), sorted(shop.done)) == (True, ["posted A", "set A b"])
    assert answers(await asked.ainvoke(None, THREAD)) == ["A is b", "posted"]
    assert len(shop.done) == 2


async def test_a_ledger_holds_across_agents() -> None:
    """The same key never takes effect twice, on whichever thread."""
    shop, engine = Shop(), Engine(ledger=MemoryLedger())
    first, second = [agent(shop, call("set", order="A", to="b"), engine=engine) for _ in range(2)]

    assert answers(await first.ainvoke(GO)) == answers(await second.ainvoke(GO)) == ["A is b"]
    assert shop.done == ["set A b"]


async def test_without_a_ledger_one_in_memory_holds() -> None:
    """As long as the middleware lives."""
    shop = Shop()
    asked = agent(shop, call("set", order="A", to="b"))
    await asked.ainvoke(GO)
    await asked.ainvoke(GO)

    assert shop.done == ["set A b"]


class Jumper(AgentMiddleware[Any, Any, Any]):
    """Goes on with calls that a conversation was left with."""

    @hook_config(can_jump_to=["tools"])
    async def abefore_model(self, state: Any, runtime: object) -> dict[str, Any] | None:
        left = isinstance(state["messages"][-1], AIMessage)
        return {"jump_to": "tools"} if left else None


async def test_calls_in_one_task_are_calls_of_one_message_too() -> None:
    """As where middleware jumps to the tools."""
    shop = Shop()
    calls: list[Any] = [{"name": "get", "args": {"order": order}, "id": order} for order in "AB"]
    given = {"messages": [("user", "go"), AIMessage("", tool_calls=calls)]}
    ended = await agent(shop, call("get", order="C"), inner=[Jumper()]).ainvoke(given)

    assert answers(ended) == ["A: get", "B: get"]


DECISIONS = [
    {"type": "approve"},
    {"type": "edit", "edited_action": {"name": "set", "args": {"order": "E", "to": "edited"}}},
    {"type": "reject", "message": "no"},
]


@pytest.mark.parametrize("side", ["outer", "inner"])
async def test_a_person_asked_by_langchain_decides(side: str) -> None:
    """Approved and edited calls run, a rejected one does not, and one that needs no person waits for the decision."""
    shop = Shop()
    person = HumanInTheLoopMiddleware(interrupt_on={"set": True})
    calls = [call("set", order=order, to="b") for order in "ABC"]
    settings: dict[str, Any] = {side: [person], "checkpointer": InMemorySaver()}
    asked = agent(shop, *calls, call("get", order="D"), **settings)

    await asked.ainvoke(GO, THREAD)
    assert shop.done == []
    ended = await asked.ainvoke(Command(resume={"decisions": DECISIONS}), THREAD)
    assert sorted(shop.done) == ["get D", "set A b", "set E edited"]
    texts = {message.tool_call_id: message.text for message in ended["messages"] if isinstance(message, ToolMessage)}
    assert [texts["call_0_0"], texts["call_0_3"]] == ["A is b", "D: get"]
    assert (texts["call_0_1"].endswith("E is edited"), texts["call_0_2"].endswith("no")) == (True, True)


def test_a_blocking_run_is_refused() -> None:
    """It has no event loop for the engine."""
    with pytest.raises(AsyncOnlyError, match="use ainvoke or astream instead of invoke or stream"):
        agent(Shop(), call("get", order="A")).invoke(GO)


async def test_what_langchain_sees_of_a_tool_is_no_tool_by_itself() -> None:
    """It tells the model what the tool itself would tell."""
    shop = Shop()
    [face, *_] = TrunklineMiddleware(shop.tools).tools

    assert (face.name, face.description, face.args_schema) == ("get", "Read an order.", shop.get.parameters.schema())
    with pytest.raises(OutsideMiddlewareError, match="'get' runs inside its TrunklineMiddleware only"):
        await face.ainvoke({"order": "A"})
    with pytest.raises(AsyncOnlyError):
        face.invoke({"order": "A"})


def test_without_langchain_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "langchain.agents.middleware", None)
    monkeypatch.delitem(sys.modules, "trunkline.graphs.langchain_agent")

    with pytest.raises(MissingExtraError, match=r"pip install 'trunkline\[langchain\]'"):
        importlib.import_module("trunkline.graphs.langchain_agent")
