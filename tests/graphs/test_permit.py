"""Nothing new starts without permission."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig

from stand_ins.calls import ask, outcomes
from stand_ins.jumping_clock import in_jumping_time
from trunkline import Agent, ScriptedModel
from trunkline.graphs.model_step import ModelStep
from trunkline.tools import tool
from trunkline.tools.permit import permitted, start_only_with


class Gate:
    """A permit that a test gives."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def granted(self) -> None:
        await self.open.wait()


@tool(effect="read", reads=())
async def ping() -> str:
    """Answer."""
    return "pong"


async def _speak() -> Any:
    return await ModelStep(Agent("a", model=ScriptedModel(["hello"]))).ask([], RunnableConfig())


@pytest.mark.parametrize(
    "work", [permitted, lambda: outcomes([ping], ask(ping)), _speak], ids=["a step", "a call", "a model call"]
)
def test_work_waits_until_it_is_permitted(work: Callable[[], Awaitable[Any]]) -> None:
    """Also in a task that it starts; what runs beside it asks nobody."""

    async def wait() -> tuple[bool, bool]:
        gate = Gate()
        beside = asyncio.ensure_future(work())
        await asyncio.sleep(1)
        start_only_with(gate)
        inside = asyncio.ensure_future(work())
        await asyncio.sleep(1)
        before = inside.done()
        gate.open.set()
        await inside
        return beside.done(), before

    assert in_jumping_time(wait()) == (True, False)
