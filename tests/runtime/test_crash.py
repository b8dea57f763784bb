"""`kill -9` in the middle of a fan-out, with real processes."""

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from stand_ins.desk_at_risk import CALLS, STUCK, THREAD, World, desk
from trunkline import Trunkline
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.database import Database, open_database
from trunkline.tools import CallState

TESTS = Path(__file__).parents[1]


@pytest.fixture
async def world(url: str, tmp_path: Path) -> World:
    """The outside world after a crash: some calls are recorded, the others have happened and are not."""
    world = World(tmp_path / "world.txt")
    command = [sys.executable, "-m", "stand_ins.desk_at_risk", url, str(world.path)]
    child = await asyncio.create_subprocess_exec(*command, env={**os.environ, "PYTHONPATH": str(TESTS)})
    async with asyncio.timeout(60), open_database(url) as database:
        while not (set(world.deeds()) >= STUCK and await recorded(database) == len(CALLS) - len(STUCK)):
            assert child.returncode is None, "the child ended by itself"
            await asyncio.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    await child.wait()
    return world


async def standing(database: Database) -> set[tuple[str, CallState]]:
    """Which states the calls of each tool stand in."""
    return {(tally.tool, tally.state) for tally in await database.book.tally()}


async def recorded(database: Database) -> int:
    """How many calls are on record as done."""
    return sum(tally.count for tally in await database.book.tally() if tally.state is CallState.DONE)


async def test_a_resumed_run_does_only_what_is_not_done(url: str, world: World, database: Database) -> None:
    """Finished calls are not run again; a keyed write is, with its key; a write without one is shown as unknown."""
    before = Counter(world.deeds())
    calls_before = await standing(database)
    async with Trunkline(url) as line:
        reply = await line.run(desk(world, sticks=False), None, thread=THREAD)

    assert before == Counter([*STUCK, "look hall", "look yard", "close close:C"])
    assert Counter(world.deeds()) - before == Counter(["look cellar", "pay pay:P"])
    *results, post = [message.text for message in reply.messages[2:-1]]
    assert results == ["look hall: ok", "look yard: ok", "look cellar: ok", "close close:C: ok", "pay pay:P: ok"]
    assert "may have taken effect; a person must look" in post
    assert reply.text == "all done"
    done = {("look", CallState.DONE), ("close", CallState.DONE)}
    assert calls_before == done | {("pay", CallState.RUNNING), ("post", CallState.RUNNING)}
    assert await standing(database) == done | {("pay", CallState.DONE), ("post", CallState.UNKNOWN)}


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_thread_can_go_on_without_a_resume(url: str, world: World, database: Database) -> None:
    """Somebody says something new instead: nothing of the old turn is run again."""
    before = world.deeds()
    async with Trunkline(url) as line:
        reply = await line.run(desk(world, sticks=False), "never mind", thread=THREAD)

    assert (reply.text, world.deeds()) == ("all done", before)
    newest, *_ = await database.runs.latest(limit=10)
    assert (newest.run.id, newest.run.status) == (reply.run_id, RunStatus.SUCCEEDED)
