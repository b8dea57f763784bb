"""A shop with an agent that looks and pays, whose turns are stopped on the way."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from stand_ins.processes import die
from trunkline import Agent, ScriptedModel, Trunkline, tool
from trunkline.agents import Models, call
from trunkline.tools import Tool

ROUNDS = [
    [call("look", place="hall"), call("pay", order_id="A"), call("look", place="yard"), call("pay", order_id="B")],
    [call("pay", order_id="C"), call("look", place="cellar")],
]


def script(messages: list[BaseMessage]) -> Any:
    """Two rounds of calls for `go`, and a word for anything else."""
    told = next(position for position in reversed(range(len(messages))) if isinstance(messages[position], HumanMessage))
    spoken = sum(isinstance(message, AIMessage) for message in messages[told:])
    return ROUNDS[spoken] if messages[told].text == "go" and spoken < len(ROUNDS) else "noted"


@dataclass(slots=True)
class Shop:
    """A shop whose turn is cancelled at one of its moments, or whose process dies."""

    stop_at: int | None = None
    deeds: list[str] = field(default_factory=list[str])
    moment: int = 0
    turn: asyncio.Task[Any] | None = None
    deadly: bool = False
    """Whether the process dies as soon as it has paid."""

    def passes(self) -> None:
        self.moment += 1
        if self.moment == self.stop_at and self.turn:
            self.turn.cancel()

    def model(self) -> ScriptedModel:
        def answer(messages: list[BaseMessage]) -> Any:
            self.passes()
            return script(messages)

        return ScriptedModel(answer)

    @property
    def tools(self) -> list[Tool]:
        @tool(effect="read", reads=())
        async def look(place: str) -> str:
            """Look somewhere."""
            self.passes()
            await asyncio.sleep(0.001)
            self.passes()
            return f"{place}: seen"

        @tool(effect="write", key="pay:{order_id}", writes="order:{order_id}")
        async def pay(order_id: str) -> str:
            """Pay for an order."""
            self.passes()
            await asyncio.sleep(0.001)
            self.deeds.append(order_id)
            if self.deadly:
                die()
            self.passes()
            return f"{order_id}: paid"

        return [look, pay]

    @property
    def agent(self) -> Agent:
        return Agent("shop", model=self.model(), tools=self.tools)

    async def stopped(self, line: Trunkline, graph: Any, thread: str, given: Any = "go") -> None:
        """Run a turn until it is cancelled."""
        self.turn = asyncio.create_task(line.run(graph, given, thread=thread))
        with suppress(asyncio.CancelledError):
            await self.turn


async def go_until_death(url: str) -> None:
    """Run a turn in a process that dies when it has paid."""
    async with Trunkline(url, models=Models({})) as line:
        await line.run(Shop(deadly=True).agent, "go", thread="t")
