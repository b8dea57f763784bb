"""S7: the same event is delivered twice at once, on two workers, and once more much later."""

import asyncio
from pathlib import Path

import pytest

from stand_ins.delivered_event import delivered, serve_event_until_death
from stand_ins.killed_desk import DEEDS, READS, Death, Point, World, desk
from stand_ins.processes import bury, run_until_it_dies
from trunkline import Trunkline
from trunkline.runtime.queue.status import RunStatus
from trunkline.tools.call import CallState

EFFECTS = sorted(deed for deed in DEEDS if deed.split()[0] not in READS)


async def actions(line: Trunkline) -> list[str]:
    """Return the effects on the ledger that are done."""
    calls = await line.calls(states={CallState.DONE})
    return sorted(f"{call.tool} {call.arguments['at']}" for call in calls if call.tool not in READS)


def did(world: World) -> list[str]:
    """Return what was really done."""
    return sorted(" ".join(line.split()[1:3]) for line in world.lines() if line.startswith("did"))


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_an_event_delivered_three_times_is_one_run(url: str, tmp_path: Path) -> None:
    """Twice at once to two processes' workers, and once when all is over: each is told the same run."""
    graphs = {"desk": desk(world := World(tmp_path / "world.txt"))}
    async with Trunkline(url, graphs=graphs) as one, Trunkline(url, graphs=graphs) as two, one.worker(), two.worker():
        first, second = await asyncio.gather(delivered(one), delivered(two))
        run = await one.wait(first, within=60)
        later = await delivered(two)
        ledger = await actions(one)
        runs = (await one.report()).runs

    assert (first, first, run.status) == (second, later, RunStatus.SUCCEEDED)
    assert runs == {RunStatus.SUCCEEDED: 1}
    assert (ledger, did(world)) == (EFFECTS, EFFECTS)


async def test_an_event_is_one_run_after_a_kill_before_its_acknowledgement(url: str, tmp_path: Path) -> None:
    """The worker dies when all is done and nobody has been told; the event comes again, and nothing is done again."""
    world = World(tmp_path / "world.txt")
    death = Death(Point.AFTER_RESULT, "shred")
    await asyncio.to_thread(run_until_it_dies, serve_event_until_death, url, world.path, death)
    await asyncio.to_thread(bury, url)
    when_killed = did(world)
    async with Trunkline(url, graphs={"desk": desk(world)}) as line, line.worker():
        run = await line.wait(await delivered(line), within=60)
        ledger = await actions(line)
        runs = (await line.report()).runs

    assert (run.status, runs) == (RunStatus.SUCCEEDED, {RunStatus.SUCCEEDED: 1})
    assert (when_killed, ledger, did(world)) == (EFFECTS, EFFECTS, EFFECTS)
