"""A desk whose process is killed in the middle of a fan-out: `python -m stand_ins.desk_at_risk URL WORLD`."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from trunkline import Agent, ScriptedModel, Trunkline, tool
from trunkline.agents import call
from trunkline.tools import current_call

THREAD = "t1"
CALLS = [
    *[call("look", place=place) for place in ("hall", "yard", "cellar")],
    call("close", order_id="C"),
    call("pay", order_id="P"),
    call("post", order_id="W"),
]
STUCK = {"look cellar", "pay pay:P", "post post:W"}
"""What has happened outside when the process is killed, and has not returned."""


@dataclass(frozen=True, slots=True)
class World:
    """What tools have done outside, one deed a line, in a file that outlives processes."""

    path: Path

    def note(self, deed: str) -> None:
        with self.path.open("a") as file:
            file.write(f"{deed}\n")
            file.flush()
            os.fsync(file.fileno())

    def deeds(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []


def desk(world: World, *, sticks: bool) -> Agent:
    """Return the agent; where it sticks, some of its calls never return."""

    async def do(deed: str) -> str:
        world.note(deed)
        if sticks and deed in STUCK:
            await asyncio.Event().wait()
        return f"{deed}: ok"

    @tool(effect="read", reads=())
    async def look(place: str) -> str:
        """Look somewhere."""
        return await do(f"look {place}")

    @tool(effect="write", key="close:{order_id}", writes="order:{order_id}")
    async def close(order_id: str) -> str:
        """Close an order."""
        return await do(f"close {current_call().key}")

    @tool(effect="write", key="pay:{order_id}", writes="order:{order_id}")
    async def pay(order_id: str) -> str:
        """Pay for an order."""
        return await do(f"pay {current_call().key}")

    @tool(effect="write_once", key="post:{order_id}", writes="order:{order_id}")
    async def post(order_id: str) -> str:
        """Post an order."""
        return await do(f"post {current_call().key}")

    return Agent("desk", model=ScriptedModel([CALLS, "all done", "anything else?"]), tools=[look, close, pay, post])


async def main(url: str, world: World) -> None:
    async with Trunkline(url) as line:
        await line.run(desk(world, sticks=True), "go", thread=THREAD)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], World(Path(sys.argv[2]))))
