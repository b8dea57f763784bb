"""The clock that a test moves by hand."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.tools import ManualClock, SystemClock


async def test_time_stands_still_until_it_is_moved() -> None:
    """Both the time of day and the seconds."""
    clock = ManualClock(datetime(2025, 6, 2, 10, tzinfo=timezone(timedelta(hours=2))))
    await asyncio.sleep(0)
    assert (clock.now(), clock.monotonic()) == (datetime(2025, 6, 2, 8, tzinfo=UTC), 0.0)
    await clock.advance(90)
    assert (clock.now(), clock.monotonic()) == (datetime(2025, 6, 2, 8, 1, 30, tzinfo=UTC), 90.0)


async def test_sleepers_wake_in_the_order_of_their_times_and_may_sleep_again() -> None:
    """Each sees the time that it asked for, however far the clock is moved at once."""
    clock, woken = ManualClock(), list[tuple[str, float]]()

    async def sleeper(name: str, *naps: float) -> None:
        for seconds in naps:
            await clock.sleep(seconds)
            woken.append((name, clock.monotonic()))

    tasks = [asyncio.create_task(sleeper("a", 3, 3)), asyncio.create_task(sleeper("b", 1, 4, 10))]
    await clock.advance(9)
    assert woken == [("b", 1), ("a", 3), ("b", 5), ("a", 6)]
    assert clock.next_wake == 6
    tasks[1].cancel()
    await asyncio.wait(tasks)
    assert clock.next_wake is None


async def test_who_has_just_been_started_counts_from_before_the_move() -> None:
    """A task that is about to sleep need not be waited for."""
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(5))
    await clock.advance(5)

    assert task.done()


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    """Time goes on over it."""
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(5))
    await clock.advance(1)
    task.cancel()
    await asyncio.wait([task])

    assert clock.next_wake is None
    await clock.advance(9)
    assert clock.monotonic() == 10


@pytest.mark.parametrize("clock", [ManualClock(), SystemClock()])
async def test_a_sleep_of_no_time_lets_others_run(clock: ManualClock | SystemClock) -> None:
    """And then goes on."""
    order: list[str] = []

    async def other() -> None:
        order.append("other")

    task = asyncio.create_task(other())
    await clock.sleep(0)
    order.append("sleeper")
    await task

    assert order == ["other", "sleeper"]


async def test_time_does_not_go_back_and_has_a_zone() -> None:
    """The texts say what to give."""
    with pytest.raises(ValueError, match="seconds must be at least 0, got -1: time does not go back"):
        await ManualClock().advance(-1)
    with pytest.raises(ValueError, match="start must be an aware datetime"):
        ManualClock(datetime(2025, 6, 2))  # noqa: DTZ001 - a time without a zone is what is refused


@given(st.lists(st.floats(0, 10), max_size=8), st.lists(st.floats(0, 10), max_size=8))
async def test_everybody_sleeps_exactly_as_long_as_asked(naps: list[float], steps: list[float]) -> None:
    """Wherever the clock is moved to and stops on the way."""
    clock, woken = ManualClock(), list[float]()

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(clock.monotonic())

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in naps]
    for seconds in [*steps, 11]:
        await clock.advance(seconds)
    assert woken == sorted(naps)
    assert all(task.done() for task in tasks)
