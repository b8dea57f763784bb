"""Waits and the retry budget."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.tools.backoff import Backoff, RetryBudget


def test_the_longest_wait_doubles_until_the_cap() -> None:
    """The first attempt is 1, and its wait goes up to the base."""
    backoff = Backoff(base=0.2, cap=1.0)

    assert [backoff.seconds(n, draw=1.0, retry_after=None) for n in (1, 2, 3, 4, 10_000)] == [0.2, 0.4, 0.8, 1.0, 1.0]


@given(attempt=st.integers(1, 10_000), draw=st.floats(0, 1), asked=st.none() | st.floats(0, 3600))
def test_a_wait_is_never_shorter_than_what_was_asked_for(attempt: int, draw: float, asked: float | None) -> None:
    """And never longer than that and the cap together."""
    seconds = Backoff().seconds(attempt, draw=draw, retry_after=asked)

    assert (asked or 0) <= seconds <= (asked or 0) + 5.0


def test_the_jitter_is_full() -> None:
    """It spreads over everything from nothing to the longest wait, also beyond what was asked for."""
    backoff = Backoff(base=4.0)

    assert [backoff.seconds(1, draw=draw, retry_after=None) for draw in (0.0, 0.25, 1.0)] == [0.0, 1.0, 4.0]
    assert [backoff.seconds(1, draw=draw, retry_after=60.0) for draw in (0.0, 0.25, 1.0)] == [60.0, 61.0, 64.0]


@pytest.mark.parametrize(("base", "cap"), [(0.0, 5.0), (-1.0, 5.0), (2.0, 1.0), (float("nan"), 5.0)])
def test_a_backoff_that_cannot_be_is_refused(base: float, cap: float) -> None:
    """The text names both values."""
    with pytest.raises(ValueError, match=rf"got base={base:g} cap={cap:g}"):
        Backoff(base=base, cap=cap)


def test_there_is_no_wait_before_the_first_attempt() -> None:
    """Attempts count from 1."""
    with pytest.raises(ValueError, match="at least 1, got 0"):
        Backoff().seconds(0, draw=0.5, retry_after=None)


def test_a_tool_that_was_never_called_has_its_reserve() -> None:
    """And no more, however often it is called without a retry."""
    fresh, used = RetryBudget(reserve=3), RetryBudget(reserve=3)
    for _ in range(100):
        used.deposit()

    assert [fresh.withdraw() for _ in range(4)] == [True, True, True, False]
    assert [used.withdraw() for _ in range(4)] == [True, True, True, False]


def test_five_calls_pay_for_one_retry() -> None:
    """Exactly five, at any point: nothing is lost to rounding."""
    budget = RetryBudget(ratio=0.2, reserve=1)
    budget.withdraw()
    paid = []
    for _ in range(50):
        budget.deposit()
        paid.append(budget.withdraw())

    assert paid == [False, False, False, False, True] * 10


@given(steps=st.lists(st.booleans()), ratio=st.floats(0, 1), reserve=st.integers(0, 10))
def test_retries_are_a_share_of_the_calls(steps: list[bool], ratio: float, reserve: int) -> None:
    """However calls and retries follow each other."""
    budget, calls, retries = RetryBudget(ratio=ratio, reserve=reserve), 0, 0
    for is_call in steps:
        if is_call:
            budget.deposit()
            calls += 1
        else:
            retries += budget.withdraw()

    assert retries <= reserve + ratio * calls + 1e-9


@pytest.mark.parametrize(("ratio", "reserve"), [(-0.1, 10), (0.2, -1)])
def test_a_budget_that_cannot_be_is_refused(ratio: float, reserve: int) -> None:
    """The text names both values."""
    with pytest.raises(ValueError, match=f"got ratio={ratio:g} reserve={reserve}"):
        RetryBudget(ratio=ratio, reserve=reserve)
