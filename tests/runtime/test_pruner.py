"""The pruner: what each graph's retention says, done on both databases."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from stand_ins.checkpoints import grow
from stand_ins.runs import begun
from trunkline import Agent, ManualClock, Retention, ScriptedModel, Trunkline, tool
from trunkline.agents import Models, call
from trunkline.errors import RetentionError, RunFailedError
from trunkline.runtime.pruner import PRUNE_EVERY, Pruner, Sweep
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.queue.finishing import Interrupted

SHOP = Agent("shop", model=ScriptedModel(["yes"], repeat=True))
DESK = Agent("desk", model=ScriptedModel(["well"], repeat=True))
Clock = Callable[[], Awaitable[datetime]]


def later(database: Database, **delta: float) -> Clock:
    """The database's clock, so much ahead."""

    async def now() -> datetime:
        return await database.threads.now() + timedelta(**delta)

    return now


async def names(database: Database) -> list[str]:
    """The threads that are not erased."""
    return [thread.name async for thread in database.threads.all() if not thread.erased]


async def test_threads_expire_by_the_graph_of_their_last_run(line: Trunkline, database: Database) -> None:
    """A graph without a retention of its own has the default, which keeps all."""
    for agent, thread in ((SHOP, "s"), (DESK, "d"), (SHOP, "was-shop"), (DESK, "was-shop")):
        await line.run(agent, "hello", thread=thread)
    pruner = Pruner(database, {"shop": Retention(ttl=timedelta(days=30))}, now=later(database, days=31))

    assert await pruner.sweep() == Sweep(erased=1)
    assert await names(database) == ["d", "was-shop"]
    assert await pruner.sweep() == Sweep()


async def test_a_thread_lives_until_its_time_is_over(line: Trunkline, database: Database) -> None:
    """Counted from its last activity, by the database's clock."""
    await line.run(SHOP, "hello", thread="s")
    early = Pruner(database, {"shop": Retention(ttl=86_400)}, now=later(database, hours=23))

    assert await early.sweep() == Sweep()
    assert await Pruner(database, {"shop": Retention(ttl=86_400)}).sweep() == Sweep()
    assert await names(database) == ["s"]


async def test_threads_are_pruned_to_the_newest_checkpoints_once(line: Trunkline, database: Database) -> None:
    """Until they are written to again there is nothing to do; the conversation goes on."""
    for _ in range(3):
        await line.run(SHOP, "hello", thread="s")
    pruner = Pruner(database, {}, default=Retention(keep_last=2))

    assert [await pruner.sweep() for _ in range(2)] == [Sweep(pruned=1), Sweep()]
    reply = await line.run(SHOP, "hello", thread="s")
    assert len(reply.state["messages"]) == 8
    assert await pruner.sweep() == Sweep(pruned=1)
    assert (await database.threads.find("s") or _none()).checkpoints == 2


async def test_a_thread_that_only_the_checkpointer_knows_expires_by_the_default(database: Database) -> None:
    """LangGraph's ids tell when its last checkpoint was made."""
    await grow(database.saver, "theirs", 3)
    pruner = Pruner(database, {"shop": Retention(ttl=1)}, default=Retention(ttl=3600), now=later(database, hours=2))

    assert (await database.threads.find("theirs") or _none()).active_at is not None
    assert await pruner.sweep() == Sweep(erased=1)


@pytest.mark.parametrize("retention", [Retention(ttl=1), Retention(keep_last=1)])
async def test_a_thread_with_a_run_under_way_is_left_alone(
    line: Trunkline, database: Database, retention: Retention
) -> None:
    """However old it is, or looks."""
    await line.run(SHOP, "hello", thread="s")
    await begun(database, "s", run_id="r-2")
    pruner = Pruner(database, {}, default=retention, now=later(database, days=400))

    assert await pruner.sweep() == Sweep()
    assert (await database.threads.find("s") or _none()).under_way == "run r-2 is under way"


async def test_a_thread_does_not_expire_while_a_run_waits_for_an_answer(database: Database) -> None:
    """However long nobody answers; once the run is over, its time begins to run."""
    lease = await begun(database, "s")
    await database.queue.finish(lease, Interrupted(interrupts=b""))
    pruner = Pruner(database, {}, default=Retention(ttl=1), now=later(database, days=400))

    assert await pruner.sweep() == Sweep()
    await database.queue.stop(lease.run_id)
    assert await pruner.sweep() == Sweep(erased=1)


async def test_a_thread_that_is_used_again_at_the_last_moment_is_left(line: Trunkline, database: Database) -> None:
    """Between the look and the deed somebody calls again."""
    await line.run(SHOP, "hello", thread="s")
    used = (await database.threads.find("s") or _none()).active_at
    assert used

    async def an_hour_later() -> datetime:
        return used + timedelta(hours=1)

    pruner = Pruner(database, {}, default=Retention(ttl=3600), now=an_hour_later)
    (due,) = [each async for each in pruner.due()]
    await line.run(SHOP, "me again", thread="s")

    assert not await pruner.carry_out(due)
    assert await names(database) == ["s"]


async def test_a_call_that_comes_late_is_erased_too(line: Trunkline, database: Database) -> None:
    """A run that was cut off and cancelled leaves no text of its own, but its calls."""

    @tool(effect="read", reads=())
    async def find(name: str) -> str:
        """Find somebody."""
        await database.threads.erase("s", force=True)
        raise asyncio.CancelledError

    agent = Agent("shop", model=ScriptedModel([[call("find", name="Dana Smith")]]), tools=[find])
    with suppress(asyncio.CancelledError, RunFailedError):
        await line.run(agent, "hello", thread="s")
    await Pruner(database, {}).sweep()

    assert "Dana" not in str([each async for each in database.threads.records("s")])
    assert await Pruner(database, {}).sweep() == Sweep()


@pytest.mark.parametrize("retention", [Retention(keep_last=1), {"shop": Retention(keep_last=1)}])
async def test_a_worker_prunes_by_itself(
    url: str, database: Database, retention: Retention | Mapping[str, Retention]
) -> None:
    """Once an hour, beside the runs that it serves."""
    clock = ManualClock()
    async with Trunkline(url, models=Models({}), clock=clock, retention=retention) as line:
        await line.run(SHOP, "hello", thread="s")
        async with line.worker(), asyncio.timeout(30):
            await clock.advance(PRUNE_EVERY)
            while (await database.threads.find("s") or _none()).checkpoints > 1:
                await clock.advance(0)


@pytest.mark.parametrize("wrong", [{"keep_last": 0}, {"ttl": 0.0}, {"ttl": timedelta(0)}])
def test_a_retention_that_keeps_nothing_is_refused(wrong: dict[str, Any]) -> None:
    """It would be a slip."""
    with pytest.raises(RetentionError, match="must be"):
        Retention(**wrong)


def _none() -> Any:
    raise AssertionError("there is no such thread")
