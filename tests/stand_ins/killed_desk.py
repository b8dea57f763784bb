"""A desk whose process is killed at a numbered point of the life of a call, and the world that outlives it."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from langgraph.errors import EmptyInputError

from stand_ins.ledger_watch import watch_ledger
from stand_ins.processes import die
from trunkline import Agent, ScriptedModel, Trunkline, tool
from trunkline.agents import call
from trunkline.errors import RunFailedError
from trunkline.runtime.reply import Reply
from trunkline.tools import current_call

THREAD = "t1"
CALLS = [
    call("look", at="hall"),
    call("pay", at="A"),
    call("pay", at="B"),
    call("ship", at="A"),
    call("look", at="yard"),
    call("mail", at="A"),
    call("wire", at="B"),
    call("weigh", at="A"),
    call("shred", at="A"),
]
READS = {"look", "weigh"}
KEYED = {"pay", "ship"}
"""Whose key the other side knows. That of `mail` is known to the ledger alone, and `wire` and `shred` have none."""

DEEDS = [f"{asked.name} {asked.arguments['at']}" for asked in CALLS]
WAITS = {"ship A": ["pay A"], "weigh A": ["pay A", "ship A"], "shred A": DEEDS[:-1]}
"""Which deeds a deed conflicts with, of those that were asked for before it."""


class Point(StrEnum):
    """Where in the life of a call its process dies."""

    BEFORE_INTENT = "1-before-intent"
    """The statement that records the intent is about to be sent; of a read, which records none, nothing has begun."""

    INTENT_OPEN = "1-intent-not-committed"
    """The statement has been run, and its commit is about to be sent."""

    AFTER_INTENT = "2-after-intent"
    """The first line of the tool's function."""

    DURING = "3-during"
    """The other side works on it and has changed nothing yet."""

    AFTER_EFFECT = "4-after-effect"
    """The other side has done it, and has not answered yet."""

    RESULT_OPEN = "4-result-not-committed"
    """The statement that records the result has been run, and its commit is about to be sent."""

    AFTER_RESULT = "5-after-result"
    """The result is committed. Nobody has been told yet, so no checkpoint can have it."""


_IN_THE_LEDGER = {
    ("sending", "running"): Point.BEFORE_INTENT,
    ("committing", "running"): Point.INTENT_OPEN,
    ("committing", "done"): Point.RESULT_OPEN,
    ("committed", "done"): Point.AFTER_RESULT,
}


@dataclass(frozen=True, slots=True)
class Death:
    """At which point of the life of which tool's call the process dies."""

    point: Point
    tool: str

    def check(self, point: Point, tool: str) -> None:
        """Die, if the time has come."""
        if (point, tool) == (self.point, self.tool):
            die()

    def hear(self, what: str, row: Mapping[str, Any]) -> None:
        """Die at the points that lie in the ledger."""
        if point := _IN_THE_LEDGER.get((what, row["state"])):
            self.check(point, row["tool"])


@dataclass(frozen=True, slots=True)
class World:
    """What tools have done outside, in a file that outlives processes: `began DEED` and `did DEED`, one a line."""

    path: Path

    def note(self, line: str) -> None:
        with self.path.open("a") as file:
            file.write(f"{line}\n")

    def change(self, deed: str, *, key: str | None = None) -> None:
        """Let the deed happen; under a key once at most, as a payment service does it."""
        done = f"did {deed} under {key}" if key else f"did {deed}"
        if key is None or done not in self.lines():
            self.note(done)

    def lines(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []


def desk(world: World, death: Death | None = None) -> Agent:
    """Return the agent. Its tools take between no time and 20 ms, and each does one deed."""

    def passed(point: Point, name: str) -> None:
        if death:
            death.check(point, name)

    async def act(at: str) -> str:
        """Do what the tool is named for."""
        name, key = current_call().tool, current_call().key
        passed(Point.AFTER_INTENT, name)
        world.note(f"began {name} {at}")
        await asyncio.sleep(random.uniform(0, 0.01))
        passed(Point.DURING, name)
        if name not in READS:
            world.change(f"{name} {at}", key=key if name in KEYED else None)
        passed(Point.AFTER_EFFECT, name)
        await asyncio.sleep(random.uniform(0, 0.01))
        return f"{name} {at}: ok"

    def weighed(arguments: Mapping[str, Any]) -> list[str]:
        passed(Point.BEFORE_INTENT, "weigh")
        return [f"order:{arguments['at']}"]

    tools = [
        tool(name="look", effect="read", reads=())(act),
        tool(name="weigh", effect="read", reads=weighed)(act),
        tool(name="pay", effect="write", key="pay:{at}", writes="order:{at}")(act),
        tool(name="ship", effect="write", key="ship:{at}", writes="order:{at}")(act),
        tool(name="mail", effect="write_once", key="mail:{at}", writes="letter:{at}")(act),
        tool(name="wire", effect="write_once", writes="bank:{at}")(act),
        tool(name="shred")(act),
    ]
    return Agent("desk", model=ScriptedModel([CALLS, "all done"]), tools=tools)


async def serve_turn(
    url: str, agent: Agent, *, tenant: str = "", calls: int = 100, ready: Callable[[], None] = lambda: None
) -> Reply:
    """Go on with the turn where an earlier process was killed, or start it where that left nothing."""
    async with Trunkline(url, tenant=tenant, calls=calls) as line:
        ready()
        try:
            return await line.run(agent, None, thread=THREAD)
        except RunFailedError as error:
            if not isinstance(error.__cause__, EmptyInputError):
                raise
            return await line.run(agent, "go", thread=THREAD)


async def serve_until_death(url: str, path: Path, death: Death) -> None:
    """Serve the turn in a process that dies on the way."""
    watch_ledger(death.hear)
    await serve_turn(url, desk(World(path), death))


async def serve_for_tenant(url: str, path: Path, tenant: str, ready: Callable[[], None]) -> None:
    """Serve the turn in a process that somebody may kill at any moment."""
    await serve_turn(url, desk(World(path)), tenant=tenant, ready=ready)
