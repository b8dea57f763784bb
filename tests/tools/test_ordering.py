"""The order of a turn, beside the rule that compares all pairs."""

from hypothesis import given
from hypothesis import strategies as st

from trunkline.tools import Access, predecessors
from trunkline.tools.ordering import Ordering

NAMES = st.frozensets(st.sampled_from(["a", "b", "c", "*"]), max_size=2)
ACCESSES = st.lists(st.builds(Access, reads=NAMES, writes=NAMES), max_size=12)


def closed(before: list[list[int]]) -> list[set[int]]:
    """All that each waits for, also through others."""
    found: list[set[int]] = []
    for direct in before:
        found.append(set(direct).union(*(found[other] for other in direct)))
    return found


@given(ACCESSES)
def test_each_call_waits_for_what_it_conflicts_with(accesses: list[Access]) -> None:
    """Directly or through others, and for nothing else."""
    order = Ordering()
    before = [order.before(access) for access in accesses]

    assert closed(before) == closed(predecessors(accesses))
    pairs = [(other, place) for place, others in enumerate(before) for other in others]
    assert all(accesses[other].conflicts_with(accesses[place]) for other, place in pairs)


def test_a_long_chain_is_told_link_by_link() -> None:
    """A thousand writes of one thing are a thousand links, and not half a million."""
    order = Ordering()
    before = [order.before(Access(reads=frozenset("a"), writes=frozenset("a"))) for _ in range(1000)]

    assert before == [[], *([n] for n in range(999))]
