"""The circuit breaker, on a clock of plain numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.tools.breaker import CircuitBreaker


def opened(*, at: float = 0.0) -> CircuitBreaker:
    """A breaker that has just opened, for 30 s."""
    breaker = CircuitBreaker(failures=2, seconds=30.0)
    breaker.failed(at)
    breaker.failed(at)
    return breaker


def test_failures_in_a_row_open_it() -> None:
    """From then on every call is refused, and told for how long."""
    breaker = CircuitBreaker(failures=3, seconds=30.0)
    for now in (1.0, 2.0):
        breaker.failed(now)

    assert breaker.refusal(3.0) is None
    breaker.failed(4.0)
    assert [breaker.refusal(now) for now in (4.0, 10.0, 33.5)] == [30.0, 24.0, 0.5]


def test_an_answer_between_failures_keeps_it_closed() -> None:
    """Only failures in a row count."""
    breaker = CircuitBreaker(failures=2)
    for now in range(20):
        breaker.failed(now)
        breaker.succeeded(now)

    assert breaker.refusal(20) is None


def test_one_probe_goes_through() -> None:
    """All others are refused until it has reported."""
    breaker = opened()

    assert breaker.refusal(30.0) is None
    assert breaker.refusal(30.0) == 30.0
    assert breaker.refusal(45.0) == 15.0


def test_a_probe_that_succeeds_closes_it() -> None:
    """And the count of failures begins anew."""
    breaker = opened()
    breaker.refusal(30.0)
    breaker.succeeded(31.0)
    breaker.failed(31.0)

    assert breaker.refusal(31.0) is None


def test_a_probe_that_fails_opens_it_again() -> None:
    """For the whole time, counted from the failure."""
    breaker = opened()
    breaker.refusal(30.0)
    breaker.failed(32.0)

    assert breaker.refusal(32.0) == 30.0
    assert breaker.refusal(62.0) is None


def test_a_probe_that_is_given_up_makes_room_for_the_next() -> None:
    """At once: nothing was learned."""
    breaker = opened()
    breaker.refusal(30.0)
    breaker.given_up(31.0)

    assert breaker.refusal(31.0) is None
    assert breaker.refusal(31.0) == 30.0


def test_a_probe_that_never_reports_does_not_keep_it_open() -> None:
    """After the same time again the next one goes through."""
    breaker = opened()
    breaker.refusal(30.0)

    assert breaker.refusal(59.0) == 1.0
    assert breaker.refusal(60.0) is None


def test_calls_that_began_before_it_opened_do_not_move_the_probe() -> None:
    """Neither their late failures nor their cancellations; a late answer closes it."""
    breaker = opened()
    breaker.failed(20.0)
    breaker.given_up(20.0)

    assert breaker.refusal(20.0) == 10.0
    breaker.succeeded(20.0)
    assert breaker.refusal(20.0) is None


@given(steps=st.lists(st.tuples(st.sampled_from(["ask", "succeeded", "failed", "given_up"]), st.floats(0, 20))))
def test_it_never_sticks(steps: list[tuple[str, float]]) -> None:
    """Whatever was reported, and whatever was not: a refusal ends when it said, with one call going through."""
    breaker, now = CircuitBreaker(failures=2, seconds=30.0), 0.0
    for step, passed in steps:
        now += passed
        breaker.refusal(now) if step == "ask" else getattr(breaker, step)(now)
    wait = breaker.refusal(now)

    assert wait is None or (0 < wait <= 30.0 + 1e-9 and breaker.refusal(now + wait + 1e-9) is None)


@pytest.mark.parametrize(("failures", "seconds"), [(0, 30.0), (5, 0.0)])
def test_a_breaker_that_cannot_be_is_refused(failures: int, seconds: float) -> None:
    """The text names both values."""
    with pytest.raises(ValueError, match=f"got failures={failures} seconds={seconds:g}"):
        CircuitBreaker(failures=failures, seconds=seconds)
