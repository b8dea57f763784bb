"""Whoever follows a run hears each event once, also when its worker is killed in the middle."""

import asyncio
from pathlib import Path

from stand_ins.crashing_steps import serve, three_steps
from stand_ins.processes import bury, run_until_it_dies
from trunkline import Trunkline
from trunkline.runtime.events import CustomEmitted, MessageFinished, Recorded, RunStarted, StepFinished
from trunkline.runtime.queue.happenings import RunSucceeded, WorkerLost

TOLD = [
    *(RunStarted, CustomEmitted, StepFinished),
    *(WorkerLost, RunStarted, StepFinished, StepFinished, MessageFinished, RunSucceeded),
]


async def test_a_joined_run_tells_each_event_once_across_a_crash(url: str, tmp_path: Path) -> None:
    """The worker is another process and dies of SIGKILL; whoever goes on numbers on, and any number is a place to go
    on from.
    """
    flag = tmp_path / "died"
    async with Trunkline(url, graphs={"steps": three_steps(flag)}) as line:
        run_id = await line.submit("steps", "go")
        following = asyncio.create_task(_joined(line, run_id))
        await asyncio.to_thread(run_until_it_dies, serve, url, flag)
        async with line.worker():
            told = await following
        again = [await _joined(line, run_id, after=place.seq) for place in told]
    bury(url)

    assert [type(recorded.event) for recorded in told] == TOLD
    assert [recorded.seq for recorded in told] == sorted({recorded.seq for recorded in told})
    assert again == [told[place + 1 :] for place in range(len(told))]


async def _joined(line: Trunkline, run_id: str, after: int = 0) -> list[Recorded]:
    return [recorded async for recorded in line.join(run_id, after=after) if recorded.recorded]
