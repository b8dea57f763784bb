"""Virtual time passes in timers alone, and never while a thread works."""

from __future__ import annotations

import asyncio
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import aiosqlite

from trunkline import Agent, ScriptedModel, Trunkline
from trunkline.runtime.scenarios.virtual_time import Life, VirtualClock, VirtualLoop, in_virtual_time

SLOW_QUERY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000) SELECT count(*) FROM n"


def now() -> float:
    return asyncio.get_running_loop().time()


def test_waiting_takes_no_time_and_is_counted_to_the_microsecond() -> None:
    """Side by side the longest wait counts, one after another their sum."""

    async def work() -> float:
        await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(60))
        await asyncio.sleep(0.5)
        return now()

    started = time.monotonic()
    assert in_virtual_time(work()) == 3600.5
    assert time.monotonic() - started < 60


def test_a_query_in_the_thread_of_aiosqlite_holds_the_clock() -> None:
    """The timer beside it is not due before the answer is there, however long that takes."""

    async def work() -> list[str]:
        ended: list[str] = []

        async def wait() -> None:
            await asyncio.sleep(0.001)
            ended.append("timer")

        async with aiosqlite.connect(":memory:") as connection, asyncio.TaskGroup() as group:
            group.create_task(wait())
            await connection.execute_fetchall(SLOW_QUERY)
            ended.append(f"query at {now()}")
        return ended

    assert in_virtual_time(work()) == ["query at 0.0", "timer"]


def test_all_that_a_line_does_with_its_database_holds_the_clock(tmp_path: Path) -> None:
    """A deadline of a millisecond is met, from opening the database over a run of two steps to closing it."""
    agent = Agent("desk", model=ScriptedModel(["hello"] * 20))

    async def work() -> float:
        async with asyncio.timeout(0.001):
            for number in range(20):
                async with Trunkline(f"sqlite:///{tmp_path / str(number)}.db") as line:
                    await line.run(agent, "hi", thread="t")
        return now()

    assert in_virtual_time(work()) == 0


def test_what_is_frozen_stands_still_until_it_is_thawed() -> None:
    """Tasks of a life that was ended do nothing, whatever they wait for; others go on."""
    ended: list[str] = []

    async def wait(name: str) -> None:
        await asyncio.sleep(1)
        ended.append(name)

    async def work() -> list[str]:
        life, loop = Life(), asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        tasks = [asyncio.create_task(wait("killed"), context=life.context), asyncio.create_task(wait("alive"))]
        await asyncio.sleep(0.5)
        loop.freeze(life)
        await asyncio.sleep(10)
        before = list(ended)
        loop.thaw()
        await asyncio.wait(tasks)
        return before

    assert in_virtual_time(work()) == ["alive"]
    assert ended == ["alive", "killed"]


def test_minutes_are_passed_over_in_strides() -> None:
    """What looks every second looks once a stride."""

    async def work() -> tuple[float, int]:
        looks, loop = 0, asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)

        async def look() -> None:
            nonlocal looks
            while True:
                await asyncio.sleep(1)
                looks += 1

        looking = asyncio.create_task(look())
        await asyncio.sleep(0)
        await loop.pass_over(1800, stride=600)
        looking.cancel()
        return round(now(), 6), looks

    assert in_virtual_time(work()) == (1800, 3)


def test_a_function_in_an_executor_holds_the_clock() -> None:
    """A deadline of a millisecond is not missed by a thread that needs longer."""

    async def work() -> bool:
        return await asyncio.wait_for(asyncio.to_thread(Event().wait, 0.05), timeout=0.001)

    assert in_virtual_time(work()) is False


def test_a_wait_that_was_given_up_does_not_hold_the_clock() -> None:
    """A future that a task no longer waits for is answered to nobody."""

    async def work() -> float:
        waiting = asyncio.ensure_future(asyncio.to_thread(Event().wait, 0.05))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(10)
        return now()

    assert in_virtual_time(work()) == 10


def test_while_a_socket_is_watched_time_passes_as_on_the_wall() -> None:
    """What comes over a socket comes when it comes; a deadline for it is kept and not jumped over."""

    async def work() -> bytes:
        here, there = socket.socketpair()
        with here, there:
            here.setblocking(False)
            loop = asyncio.get_running_loop()
            loop.call_later(0.01, there.send, b"x")
            return await asyncio.wait_for(loop.sock_recv(here, 1), timeout=60)

    assert in_virtual_time(work()) == b"x"


def test_the_clock_of_a_line_goes_with_the_loop() -> None:
    """The time of day, the seconds and the waits are one and the same."""

    async def work() -> tuple[datetime, float]:
        clock = VirtualClock(datetime(2025, 6, 2, 10, tzinfo=UTC))
        await clock.sleep(90)
        return clock.now(), clock.monotonic()

    assert in_virtual_time(work()) == (datetime(2025, 6, 2, 10, 1, 30, tzinfo=UTC), 90)
