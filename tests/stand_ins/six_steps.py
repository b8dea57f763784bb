"""A graph of six steps, each with an effect outside, and the record there of what was really done."""

import asyncio
import operator
import os
import random
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph

from trunkline import FanOut, tool
from trunkline.runtime.runnable import Runnable
from trunkline.tools import Done, ToolRequest, current_call

STEPS = 6
FOLDER = "SIX_STEPS_FOLDER"
"""The environment variable that names the folder with the record."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What the tools have really done, in a folder that outlives processes.

    A payment has a key that the other side knows: it is done once, however often it is asked for. A letter has none:
    each time it is asked for, one more is sent.
    """

    folder: Path

    def pay(self, deed: str) -> None:
        """Pay, unless that was done under this key."""
        self._note("asked.txt", deed)
        if deed not in self.counted("paid"):  # one process at a time has the run
            self._note("paid.txt", deed)

    def send(self, deed: str) -> None:
        """Send a letter."""
        self._note("sent.txt", deed)

    def counted(self, kind: str) -> Counter[str]:
        """Return how often each deed was `asked` for, `paid` or `sent`."""
        file = self.folder / f"{kind}.txt"
        return Counter(file.read_text().splitlines()) if file.exists() else Counter()

    def _note(self, name: str, deed: str) -> None:
        with (self.folder / name).open("a") as file:
            file.write(f"{deed}\n")


class State(TypedDict):
    """The steps that a run has made, and how each ended."""

    run: str
    made: Annotated[list[str], operator.add]


@cache
def graph() -> Runnable:
    """Return the graph; payments and letters take turns."""
    outside = Outside(Path(os.environ[FOLDER]))

    async def act(run: str, step: int) -> str:
        """Do what the tool is named for; it takes some milliseconds before and after."""
        await asyncio.sleep(random.uniform(0, 0.03))
        (outside.pay if current_call().tool == "pay" else outside.send)(f"{run} {step}")
        await asyncio.sleep(random.uniform(0, 0.03))
        return "ok"

    fan_out = FanOut(
        [
            tool(name="pay", effect="write", key="pay:{run}:{step}", writes="account:{run}")(act),
            tool(name="send", effect="write_once", key="send:{run}:{step}", writes="letters:{run}")(act),
        ]
    )

    def step(number: int) -> Any:
        async def do(state: State, config: RunnableConfig) -> dict[str, Any]:
            name = "pay" if number % 2 else "send"
            asked = ToolRequest(name=name, arguments={"run": state["run"], "step": number}, tool_call_id=f"c{number}")
            [result] = await fan_out.run([asked], config)
            return {"made": [f"{number} {'done' if isinstance(result.outcome, Done) else 'unknown'}"]}

        return do

    built = StateGraph(State)
    for number in range(1, STEPS + 1):
        built.add_node(f"step_{number}", step(number))
        built.add_edge(START if number == 1 else f"step_{number - 1}", f"step_{number}")
    built.add_edge(f"step_{STEPS}", END)
    return built.compile(name="six_steps")
