"""Agents on an OpenAI-compatible endpoint, through the unmodified client."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig

from stand_ins.openai_server import (
    Answer,
    Call,
    Fault,
    HttpReply,
    HttpRequest,
    LoopbackServer,
    OpenAIServer,
    Say,
)
from trunkline.agents import Agent, Models
from trunkline.errors import ModelUnreachableError
from trunkline.graphs import agent_graph
from trunkline.graphs.scope import Scope, with_scope
from trunkline.tools import CallExecutor, tool

Reader = Callable[..., Any]


@tool(effect="read")
async def look(order_id: str) -> str:
    """Look at an order."""
    return f"order {order_id}"


class Line:
    """An agent whose model is in a `models.yaml` and whose endpoint is a stand-in."""

    def __init__(self, folder: Path, url: str) -> None:
        file = folder / "models.yaml"
        file.write_text(f"models: {{fast: {{kind: openai, model: stand-in, base_url: {url}}}}}")
        scope = Scope(run_id="r", thread_id="t", executor=CallExecutor(), models=Models.from_file(file))
        self.config: RunnableConfig = {"configurable": with_scope({"thread_id": "t"}, scope)}
        self.paid: list[int] = []
        self.pay = tool(effect="write", key="pay:{order_id}", name="pay")(self._pay)

    async def _pay(self, order_id: str, amount: int) -> str:
        """Pay."""
        self.paid.append(amount)
        return f"paid {amount} for {order_id}"

    async def hears(self, *messages: Any, streamed: bool = False) -> list[str]:
        """Run the agent and return the texts of the whole conversation."""
        agent = Agent("desk", model="fast", prompt="Be kind.", tools=[look, self.pay])
        graph: Any = agent_graph(agent).compile()
        given = {"messages": list(messages)}
        if not streamed:
            return [message.text for message in (await graph.ainvoke(given, self.config))["messages"]]
        modes = [part async for part in graph.astream(given, self.config, stream_mode=["messages", "values"])]
        return [message.text for message in modes[-1][1]["messages"]]


def last_texts(body: dict[str, Any]) -> list[str]:
    return [message["content"] for message in body["messages"] if message["role"] == "tool"]


def desk(body: dict[str, Any]) -> Answer:
    """Ask for three orders at once, and say what was found."""
    if found := last_texts(body):
        return Say(text=" and ".join(found))
    return [Call(name="look", arguments={"order_id": order}) for order in "ABC"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_parallel_calls_come_back_in_order(tmp_path: Path, streamed: bool) -> None:
    """Calls, results and answer go through the real client, whether its answer is streamed or not."""
    with OpenAIServer(desk) as server:
        texts = await Line(tmp_path, server.url).hears(HumanMessage("Hi"), streamed=streamed)

    assert texts == ["Hi", "", "order A", "order B", "order C", "order A and order B and order C"]
    first, second = server.requests
    assert bool(first.body.get("stream")) is streamed
    assert first.body["messages"][0] == {"role": "system", "content": "Be kind."}
    assert [given["function"]["name"] for given in first.body["tools"]] == ["look", "pay"]
    assert [message.get("tool_call_id") for message in second.body["messages"][3:]] == [
        "call_0_0",
        "call_0_1",
        "call_0_2",
    ]


async def test_parallel_calls_of_a_real_client_are_in_flight_at_once(tmp_path: Path) -> None:
    """The client does not put them in a row."""
    everyone = asyncio.Barrier(3)

    @tool(effect="read", name="look")
    async def meet(order_id: str) -> str:
        """Wait for all others."""
        await everyone.wait()
        return order_id

    with OpenAIServer(desk) as server:
        line = Line(tmp_path, server.url)
        graph = agent_graph(Agent("desk", model="fast", tools=[meet])).compile()
        ended = await graph.ainvoke({"messages": [HumanMessage("Hi")]}, line.config)
    assert ended["messages"][-1].text == "A and B and C"


async def test_a_conversation_with_open_calls_is_taken(tmp_path: Path) -> None:
    """The endpoint refuses calls without results; it gets one for each, also for one that was no JSON."""
    asked: list[Any] = [{"name": "look", "args": {"order_id": "A"}, "id": "a", "type": "tool_call"}]
    broken: list[Any] = [{"name": "look", "args": "{", "id": "b", "error": "", "type": "invalid_tool_call"}]
    cut_off = AIMessage("", tool_calls=asked, invalid_tool_calls=broken)
    with OpenAIServer(lambda body: Say(text=f"{len(last_texts(body))} open")) as server:
        texts = await Line(tmp_path, server.url).hears(HumanMessage("Hi"), cut_off, HumanMessage("Hello?"))

    assert texts == ["Hi", "", "Hello?", "2 open"]


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (Fault(status=401), "refuses the key; check the environment variable that key: names"),
        (Fault(status=404), "does not know this model; check model: in models.yaml"),
        (Fault(status=500, message="Out.", retry_after=0.001), "answered with status 500: Out."),
        (Fault(status=429, message="Slow.", retry_after=0.001), "refuses more requests for now: Slow."),
    ],
)
async def test_an_endpoint_that_fails_is_one_line(tmp_path: Path, fault: Fault, problem: str) -> None:
    """The model, its address, and what to do; the client's own error is the cause."""
    with OpenAIServer(lambda _: fault) as server, pytest.raises(ModelUnreachableError) as raised:
        await Line(tmp_path, server.url).hears(HumanMessage("Hi"))

    assert str(raised.value) == f"model 'stand-in' at {server.url}: {problem}"
    assert raised.value.__cause__ is not None


async def test_an_endpoint_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """The two usual reasons are asked for."""
    with OpenAIServer(desk) as server:
        line = Line(tmp_path, server.url)

    with pytest.raises(ModelUnreachableError) as raised:
        await line.hears(HumanMessage("Hi"))
    assert str(raised.value).startswith(f"model 'stand-in' at {server.url}: cannot be reached (")
    assert "\n" not in str(raised.value)


class Stammerer(LoopbackServer):
    """An endpoint whose first answer breaks off within its last call; then it says what it was told."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def reply(self, request: HttpRequest) -> HttpReply:
        body = json.loads(request.body)
        if found := last_texts(body):
            return self.answer(body, {"role": "assistant", "content": " / ".join(found)}, "stop")
        cut = '{"order_id": "A", "amount": 5'
        asked = [("look", '{"order_id": "A"}'), ("pay", cut)]
        calls = [
            {"index": n, "id": f"c{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for n, (name, arguments) in enumerate(asked)
        ]
        return self.answer(body, {"role": "assistant", "content": None, "tool_calls": calls}, "length")

    @staticmethod
    def answer(body: dict[str, Any], message: dict[str, Any], ended: str) -> HttpReply:
        about: dict[str, Any] = {"id": "x", "created": 1, "model": "stand-in"}
        if not body.get("stream"):
            choice = {"index": 0, "message": message, "finish_reason": ended}
            return HttpReply(body=json.dumps(about | {"object": "chat.completion", "choices": [choice]}).encode())
        choices: list[dict[str, Any]] = [
            {"index": 0, "delta": message, "finish_reason": None},
            {"index": 0, "delta": {}, "finish_reason": ended},
        ]
        chunks = [about | {"object": "chat.completion.chunk", "choices": [choice]} for choice in choices]
        events = [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]
        return HttpReply(body=[*events, b"data: [DONE]\n\n"], content_type="text/event-stream")


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_call_that_was_cut_off_is_never_run(tmp_path: Path, streamed: bool) -> None:
    """An amount of 500 that broke off after its first digit is not paid as 5; the model is told, the others run."""
    with Stammerer() as server:
        line = Line(tmp_path, server.url)
        texts = await line.hears(HumanMessage("Hi"), streamed=streamed)

    assert line.paid == []
    assert texts[2] == "order A"
    assert json.loads(texts[3])["error"] == "rejected"
    assert texts[4] == f"order A / {texts[3]}"
