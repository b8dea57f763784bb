"""A turn always ends, and its end is on record before anybody hears of it."""

import asyncio

import pytest

from trunkline import Agent, ScriptedModel, Trunkline
from trunkline.runtime.events import RunStarted
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.database import Database


async def test_a_turn_that_is_cancelled_again_while_it_ends_is_recorded_first(
    line: Trunkline, database: Database
) -> None:
    """Whoever cancels twice, as a task group and a time-out may, still finds the row of a cancelled run."""
    slow = Agent("slow", model=ScriptedModel(["too late"], latency=60))
    begun = asyncio.Event()

    async def listen() -> None:
        async for event in line.stream(slow, "hello", thread="t"):
            if isinstance(event, RunStarted):
                begun.set()

    turn = asyncio.create_task(listen())
    await begun.wait()
    for _ in range(3):
        turn.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await turn

    [run] = await database.runs.find("last")
    assert run.status is RunStatus.CANCELLED
