"""A turn that is killed at random moments, up to three times, before it is served to its end."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from stand_ins.aftermath import Record, broken_promises, record_of
from stand_ins.killed_desk import DEEDS, World, desk, serve_for_tenant, serve_turn
from stand_ins.processes import run_and_kill

_LONGEST = 0.2
"""Seconds within which a turn is killed: about what one takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of one turn."""

    moments: Sequence[str]
    """How far the turn was at each kill."""

    unknown: int
    """How many calls ended as unknown."""

    broken: Sequence[str]
    """The promises that were not kept."""


async def trial(url: str, folder: Path, name: str, dice: Random) -> Trial:
    """Kill a turn one to three times; then serve it to its end. `name` keeps it apart from others in the database."""
    world = World(folder / f"{name}.txt")
    kills: list[Record] = []
    for _ in range(dice.randint(1, 3)):
        after = dice.uniform(0, _LONGEST)
        await asyncio.to_thread(run_and_kill, serve_for_tenant, url, world.path, name, after=after)
        kills.append(await record_of(url, world, tenant=name))
    reply = await serve_turn(url, desk(world), tenant=name)
    end = await record_of(url, world, tenant=name)
    return Trial(
        moments=[_moment(kill) for kill in kills],
        unknown=sum(state == "unknown" for _, state in end.rows),
        broken=broken_promises(kills, end, reply),
    )


def _moment(kill: Record) -> str:
    said = [message.type for message in kill.messages]
    match said:
        case []:
            return "before the first checkpoint"
        case ["human"]:
            return "before the model has answered"
        case ["human", "ai"] if not kill.world:
            return "before the first call"
        case ["human", "ai"] if kill.has_settled(DEEDS):
            return "after the last call, before its checkpoint"
        case ["human", "ai"]:
            return "among the calls"
        case _:
            return "after the calls' checkpoint"
