"""A turn of 30 calls with a limit of 3 at once, whose process dies when 21 are on record and 3 are in flight."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from langchain_core.messages import ToolMessage

from stand_ins.aftermath import record_of
from stand_ins.killed_desk import World, serve_turn
from stand_ins.ledger_watch import watch_ledger
from stand_ins.processes import die, run_until_it_dies
from trunkline import Agent, ScriptedModel, tool
from trunkline.agents import call
from trunkline.tools import current_call

CALLS, LIMIT, FINISHED = 30, 3, 21


class Deathbed:
    """Lets the process die as soon as 21 results are committed and 3 more calls have begun, which is the limit."""

    def __init__(self) -> None:
        self._committed = self._begun = 0
        self._recorded = asyncio.Event()
        watch_ledger(self._hear)

    def takes(self) -> bool:
        """Whether the call that begins now is one of those that the death interrupts."""
        self._begun += 1
        return self._begun > FINISHED

    async def wait(self) -> None:
        if self._begun == FINISHED + LIMIT:
            await self._recorded.wait()
            die()
        await asyncio.Event().wait()

    def _hear(self, what: str, row: Mapping[str, Any]) -> None:
        self._committed += (what, row["state"]) == ("committed", "done")
        if self._committed == FINISHED:
            self._recorded.set()


def crowd(world: World, kinds: Sequence[str], deathbed: Deathbed | None = None) -> Agent:
    """Return the agent, which asks for 30 calls of these kinds in turn. What is interrupted has happened outside."""

    async def act(at: str) -> str:
        """Do what the tool is named for."""
        deed = f"{current_call().tool} {at}"
        world.note(f"began {deed}")
        is_interrupted = deathbed is not None and deathbed.takes()
        if not deed.startswith("read"):
            world.change(deed, key=current_call().key)
        if deathbed and is_interrupted:
            await deathbed.wait()
        return f"{deed}: ok"

    tools = [
        tool(name="read", effect="read", reads=())(act),
        tool(name="write", effect="write", key="write:{at}", writes="order:{at}")(act),
        tool(name="write_once", effect="write_once", writes="order:{at}")(act),
    ]
    asked = [call(kind, at=str(at)) for at, kind in enumerate(islice(cycle(kinds), CALLS))]
    return Agent("crowd", model=ScriptedModel([asked, "all done"]), tools=tools)


async def serve_until_death(url: str, path: Path, kinds: Sequence[str], tenant: str) -> None:
    """Serve the turn in a process that dies after 21 calls."""
    await serve_turn(url, crowd(World(path), kinds, Deathbed()), tenant=tenant, calls=LIMIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What the death cost. Deeds are named as the tools did them."""

    recorded: int
    """Calls on record as done when the process died."""

    in_flight: Sequence[str]
    again: Sequence[str]
    """What was run once more."""

    twice: Sequence[str]
    """What happened more than once outside."""

    answered: int
    unknown: int


async def killed_after_21(url: str, world: World, kinds: Sequence[str], *, tenant: str = "") -> Figure:
    """Let a process die after 21 of the calls, go on with the turn, and tell what that cost."""
    await asyncio.to_thread(run_until_it_dies, serve_until_death, url, world.path, kinds, tenant)
    then = await record_of(url, world, tenant=tenant)
    reply = await serve_turn(url, crowd(world, kinds), tenant=tenant, calls=LIMIT)
    answers = [message.text for message in reply.messages if isinstance(message, ToolMessage)]
    end = Counter(world.lines())
    began = {line.removeprefix("began "): times for line, times in end.items() if line.startswith("began ")}
    recorded = {deed for deed, state in then.rows if state == "done"}
    return Figure(
        recorded=len(recorded),
        in_flight=[deed for deed in began if then.began(deed) and deed not in recorded],
        again=[deed for deed, times in began.items() if times > 1],
        twice=[line for line, times in end.items() if line.startswith("did ") and times > 1],
        answered=sum('"unknown"' in answer or answer.endswith(": ok") for answer in answers),
        unknown=sum('"unknown"' in answer for answer in answers),
    )
