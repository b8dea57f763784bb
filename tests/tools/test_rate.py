"""Rates and their gates. Every test that waits runs on a clock that jumps."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stand_ins.jumping_clock import in_jumping_time
from trunkline.errors import RateError, UsageError
from trunkline.tools.rate import Rate, RateGate

RATES = st.builds(Rate, st.integers(1, 6), st.sampled_from([0.05, 0.3, 1.0, 7.0, 3600.0]))
ARRIVALS = st.lists(st.tuples(st.floats(0, 10), st.none() | st.floats(0, 10)), max_size=25)
"""When each caller comes, and how long it waits at most."""


class Visits:
    """Callers of one gate, and when each had its turn."""

    def __init__(self, rate: Rate) -> None:
        self.gate = RateGate(rate)
        self.turns: list[tuple[int, float]] = []

    async def visit(self, number: int, at: float = 0.0) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(at - loop.time())
        await self.gate.turn()
        self.turns.append((number, loop.time()))

    async def visit_for_a_while(self, number: int, at: float, patience: float | None) -> None:
        task = asyncio.create_task(self.visit(number, at))
        await asyncio.wait([task], timeout=None if patience is None else at + patience)
        task.cancel()
        await asyncio.wait([task])


def others() -> set[asyncio.Task[None]]:
    """The tasks that are there beside the asking one."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10/s", Rate(10)),
        ("100/min", Rate(100, 60.0)),
        ("5/2s", Rate(5, 2.0)),
        ("3/h", Rate(3, 3600.0)),
        ("1/0.5s", Rate(1, 0.5)),
    ],
)
def test_a_rate_is_read(text: str, rate: Rate) -> None:
    """Calls, then the time."""
    assert Rate.parse(text) == rate


@pytest.mark.parametrize(
    "text", ["", "10", "10/", "/s", "10/S", "10/d", "-1/s", "1.5/s", "10/s ", "٣/s", "9" * 5000 + "/s"]
)
def test_a_text_that_is_no_rate_is_refused(text: str) -> None:
    """The error names it and shows what to write."""
    with pytest.raises(RateError) as raised:
        Rate.parse(text)

    assert isinstance(raised.value, UsageError)
    assert str(raised.value) == (f"rate {text!r} cannot be read; write COUNT/PERIOD, like 10/s, 100/min, 5/2s or 3/h")


@pytest.mark.parametrize(("count", "per"), [(0, 1.0), (-1, 1.0), (1, 0.0), (1, float("inf")), (1, float("nan"))])
def test_a_rate_that_cannot_be_is_refused(count: int, per: float) -> None:
    """It would let nothing through, or everything."""
    with pytest.raises(RateError, match="needs a count of at least 1 and a finite period above 0"):
        Rate(count, per)


@given(rate=RATES, arrivals=ARRIVALS)
def test_every_window_has_its_share_of_turns(rate: Rate, arrivals: list[tuple[float, float | None]]) -> None:
    """All who stay are served, in the order they came in; who leaves takes no turn."""
    visits = Visits(rate)
    arrivals = sorted(arrivals, key=lambda arrival: arrival[0])

    async def all_of_them() -> None:
        await asyncio.gather(*(visits.visit_for_a_while(n, *arrival) for n, arrival in enumerate(arrivals)))
        await asyncio.sleep(0)
        assert not others()

    in_jumping_time(all_of_them())
    times = [time for _, time in visits.turns]
    assert {n for n, (_, patience) in enumerate(arrivals) if patience is None} <= {n for n, _ in visits.turns}
    assert all(
        first[0] < second[0] or arrivals[first[0]][0] == arrivals[second[0]][0]
        for first, second in pairwise(visits.turns)
    )
    assert all(later - sooner >= rate.per - 1e-6 for sooner, later in zip(times, times[rate.count :], strict=False))


def test_no_turn_comes_later_than_it_must() -> None:
    """A full window opens as soon as its oldest turn is over."""
    visits = Visits(Rate(2, 10.0))

    async def seven() -> None:
        await asyncio.gather(*(visits.visit(n, at) for n, at in enumerate([0, 4, 5, 6, 7, 8, 90])))

    in_jumping_time(seven())

    assert visits.turns == [(0, 0), (1, 4), (2, 10), (3, 14), (4, 20), (5, 24), (6, 90)]


def test_a_waiter_that_is_cancelled_takes_no_turn() -> None:
    """The next in line moves up to its time."""
    visits = Visits(Rate(1, 10.0))

    async def four() -> None:
        tasks = [asyncio.create_task(visits.visit(n)) for n in range(4)]
        await asyncio.sleep(5)
        tasks[1].cancel()
        await asyncio.wait(tasks)

    in_jumping_time(four())

    assert visits.turns == [(0, 0), (2, 10), (3, 20)]


@pytest.mark.parametrize("steps", range(6))
def test_a_turn_that_comes_together_with_a_cancellation_is_not_lost(steps: int) -> None:
    """At whatever step of the loop the first leaves: it had its turn, or the next in line has it at once."""
    visits = Visits(Rate(1, 10.0))

    async def two() -> None:
        tasks = [asyncio.create_task(visits.visit(n)) for n in range(2)]
        for _ in range(steps):
            await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait(tasks)

    in_jumping_time(two())

    assert visits.turns in ([(1, 0)], [(0, 0), (1, 10)])


def test_the_dispatcher_goes_with_the_last_waiter() -> None:
    """Served or cancelled: no task is left, and the gate can be used again."""
    visits = Visits(Rate(1, 10.0))

    async def come_and_go() -> None:
        await visits.visit(0)
        assert not others()
        task = asyncio.create_task(visits.visit(1))
        await asyncio.sleep(1)
        assert len(others()) == 2
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0)
        assert not others()
        await visits.visit(2)

    in_jumping_time(come_and_go())

    assert visits.turns == [(0, 0), (2, 10)]


def test_one_task_waits_for_all() -> None:
    """A crowd at a slow gate costs one wake-up a turn, not one a waiter."""
    visits = Visits(Rate(1, 3600.0))

    async def crowd() -> int:
        tasks = [asyncio.create_task(visits.visit(n)) for n in range(200)]
        await asyncio.sleep(1)
        timers = len(asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return timers

    assert in_jumping_time(crowd()) == 1


async def test_a_gate_works_on_an_ordinary_loop() -> None:
    """With nothing but the real clock."""
    gate = RateGate(Rate(5, 0.02))
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(gate.turn() for _ in range(15)))

    assert asyncio.get_running_loop().time() - began >= 0.04
