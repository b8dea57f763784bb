"""A run whose cancellation is asked for more than once."""

import asyncio
from pathlib import Path

from trunkline import Agent, ScriptedModel, Trunkline, tool
from trunkline.agents import call
from trunkline.runtime.queue.status import RunStatus
from trunkline.tools.call import CallState


async def test_a_second_cancellation_does_not_tear_an_effect_under_way(tmp_path: Path) -> None:
    """The run ends when the effect has, and the effect is on record as done."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    @tool(effect="write", key="pay:{to}")
    async def pay(to: str) -> str:
        """Pay out."""
        begun.set()
        await go_on.wait()
        return f"paid {to}"

    agent = Agent("till", model=ScriptedModel([call("pay", to="A"), "done"]), tools=[pay])
    async with Trunkline(f"sqlite:///{tmp_path}/line.db", graphs={"till": agent}) as line, line.worker():
        run_id = await line.submit("till", "pay", thread="t")
        await begun.wait()
        for _ in range(3):
            await line.cancel(run_id)
            await asyncio.sleep(0.05)
        go_on.set()
        run = await line.wait(run_id, within=30)
        [paid] = await line.calls(thread="t")

    assert (run.status, paid.state) == (RunStatus.CANCELLED, CallState.DONE)
