"""LangChain's agent, run by a line."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType]
from langchain_core.messages import ToolMessage

from trunkline import ScriptedModel, Trunkline, tool
from trunkline.agents import call
from trunkline.graphs.langchain_agent import TrunklineMiddleware
from trunkline.runtime.storage.database import Database
from trunkline.runtime.tracing.span import SpanKind
from trunkline.tools import CallState


class Desk:
    """A desk whose second call sticks for as long as it is told to."""

    def __init__(self, *, sticks: bool) -> None:
        self.done: list[str] = []
        self._sticks = sticks
        self.stuck = asyncio.Event()

    def agent(self) -> Any:
        @tool(effect="write", key="close:{order_id}", writes="order:{order_id}")
        async def close(order_id: str) -> str:
            """Close an order."""
            self.done.append(f"close {order_id}")
            return "closed"

        @tool(effect="read", reads="order:{order_id}")
        async def look(order_id: str) -> str:
            """Look at an order."""
            if self._sticks:
                self.stuck.set()
                await asyncio.Event().wait()
            self.done.append(f"look {order_id}")
            return "fine"

        script = ScriptedModel([[call("close", order_id="A"), call("look", order_id="A")], "all done"])
        create: Any = create_agent  # pyright: ignore[reportUnknownVariableType]
        return create(script, middleware=[TrunklineMiddleware([close, look])], name="desk")


async def test_its_calls_are_on_the_lines_record(line: Trunkline, database: Database) -> None:
    """With a span for each, and no second one of LangChain's."""
    desk = Desk(sticks=False)
    reply = await line.run(desk.agent(), "go", thread="t")

    assert (reply.text, desk.done) == ("all done", ["close A", "look A"])
    tally = {(each.tool, each.state, each.count) for each in await database.book.tally()}
    assert tally == {("close", CallState.DONE, 1), ("look", CallState.DONE, 1)}
    spans = await database.spans.of_run(reply.run_id)
    assert sorted(span.name for span in spans if span.kind is SpanKind.TOOL) == ["close", "look"]


async def test_a_stopped_run_leaves_no_call_without_a_result(line: Trunkline) -> None:
    """What was finished is told as that, and the model goes on with it."""
    before, after = Desk(sticks=True), Desk(sticks=False)
    running = asyncio.create_task(line.run(before.agent(), "go", thread="t"))
    await before.stuck.wait()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    reply = await line.run(after.agent(), None, thread="t")

    assert (before.done, after.done, reply.text) == (["close A"], [], "all done")
    told = {message.tool_call_id: message.text for message in reply.messages if isinstance(message, ToolMessage)}
    assert told["call_0_0"] == "closed"
    assert json.loads(told["call_0_1"])["error"] == "cancelled"
