"""Which calls keep the model's order."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.tools import ANYTHING, Access, Effect, predecessors
from trunkline.tools.access import AccessRule, Resources

NAMES = st.frozensets(st.sampled_from(["a", "b", "c", ANYTHING]), max_size=3)
ACCESSES = st.lists(st.builds(Access, reads=NAMES, writes=NAMES), max_size=8)


def access(reads: str = "", writes: str = "") -> Access:
    return Access(reads=frozenset(reads.split()), writes=frozenset(writes.split()))


@pytest.mark.parametrize(
    ("first", "second", "conflict"),
    [
        (access("a"), access("a"), False),
        (access("*"), access("*"), False),
        (access("a"), access(writes="a"), True),
        (access(writes="a"), access(writes="a"), True),
        (access(writes="a"), access(writes="b"), False),
        (access("a", "b"), access("b", "c"), True),
        (access("*"), access(writes="a"), True),
        (access(writes="*"), access(writes="a"), True),
        (access(writes="*"), access("a"), True),
        (access(), access(writes="*"), False),
        (access(), access(), False),
    ],
)
def test_two_calls_conflict_when_one_writes_what_the_other_touches(
    first: Access, second: Access, conflict: bool
) -> None:
    """The order of the two does not matter; what touches nothing conflicts with nothing."""
    assert (first.conflicts_with(second), second.conflicts_with(first)) == (conflict, conflict)


@settings(deadline=None)
@given(ACCESSES)
def test_a_call_waits_for_exactly_the_earlier_calls_that_it_conflicts_with(accesses: list[Access]) -> None:
    """Every conflicting pair is ordered as the model asked, and no other pair is."""
    waits = {(before, after) for after, earlier in enumerate(predecessors(accesses)) for before in earlier}
    pairs = combinations(range(len(accesses)), 2)

    assert waits == {(a, b) for a, b in pairs if accesses[a].conflicts_with(accesses[b])}


def two_names(_: Mapping[str, Any]) -> list[str]:
    return ["x", "y"]


def one_name(arguments: Mapping[str, Any]) -> str:
    return f"order:{arguments['id']}"


@pytest.mark.parametrize(
    ("effect", "reads", "writes", "expected"),
    [
        (Effect.READ, None, None, access("*")),
        (Effect.READ, (), None, access()),
        (Effect.READ, "order:{id}", None, access("order:7")),
        (Effect.READ, ["order:{id}", "stock"], None, access("order:7 stock")),
        (Effect.WRITE, None, None, access(writes="*")),
        (Effect.WRITE, None, "order:{id}", access(writes="order:7")),
        (Effect.WRITE, "stock", "order:{id}", access("stock", "order:7")),
        (Effect.WRITE, None, (), access()),
        (Effect.WRITE_ONCE, None, "order:{id}", access(writes="order:7")),
        (Effect.IRREVERSIBLE, None, "order:{id}", access(writes="*")),
        (Effect.UNDECLARED, None, None, access(writes="*")),
        (Effect.UNDECLARED, "stock", "order:{id}", access("stock", "*")),
        (Effect.WRITE, None, two_names, access(writes="x y")),
        (Effect.WRITE, None, one_name, access(writes="order:7")),
    ],
)
def test_what_is_not_named_may_be_anything(
    effect: Effect, reads: Resources | None, writes: Resources | None, expected: Access
) -> None:
    """A declaration narrows what a call touches; a function may return one name or several."""
    assert AccessRule(reads=reads, writes=writes)({"id": 7}, effect) == expected
