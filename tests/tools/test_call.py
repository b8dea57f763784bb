"""Call ids and fingerprints."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stand_ins.calls import ask, id_of, origin
from trunkline.tools import CallState, Done, Failed, FailureKind, Origin, Pending, Toolbox, ToolCall, Unknown, tool
from trunkline.tools.binding import bind
from trunkline.tools.call import state_of

TEXT = st.text(alphabet="ab0:", max_size=3)
PLACES = st.tuples(TEXT, TEXT, st.integers(0, 12))


@tool(effect="read")
async def search(words: set[str], filters: dict[str, int], page: int = 1) -> str:
    """Search."""
    return f"{words} {filters} {page}"


def call(**arguments: Any) -> ToolCall:
    bound = bind(Toolbox([search]), ask(search, **arguments), origin(), 0)
    assert isinstance(bound, ToolCall)
    return bound


@settings(deadline=None)
@given(PLACES, PLACES)
def test_each_place_in_a_batch_has_an_id_of_its_own(first: tuple[str, str, int], second: tuple[str, str, int]) -> None:
    """Thread, batch and position make the id: the same place has the same one, another place another."""
    ids = [
        Origin(thread_id=thread, run_id="r", batch=batch).call_id(position, ask("search"))
        for thread, batch, position in (first, second)
    ]

    assert (ids[0] == ids[1]) is (first == second)


def test_a_request_that_was_edited_is_another_call() -> None:
    """Whoever goes back in a thread and changes an argument does not get the old result."""
    asked = ask("search", words=["a"], page=1)

    assert id_of(asked) == id_of(ask("search", page=1, words=["a"]))
    assert id_of(asked) != id_of(ask("search", words=["a"], page=2))
    assert id_of(asked) != id_of(ask("find", words=["a"], page=1))


def test_another_run_of_the_same_batch_has_the_same_ids() -> None:
    """That is how a resumed run finds what the first one finished."""
    first = Origin(thread_id="t", run_id="r1", batch="b")

    assert replace(first, run_id="r2").call_id(3, ask("search")) == first.call_id(3, ask("search"))


def test_equal_arguments_have_equal_fingerprints() -> None:
    """Neither the order of an object's keys, nor that of a set, nor an argument left at its default counts."""
    words = [f"w{n}" for n in range(20)]
    one = call(words=words, filters={"a": 1, "b": 2})
    same = call(words=words[::-1], filters={"b": 2, "a": 1}, page=1)

    assert one.fingerprint == same.fingerprint
    assert one.fingerprint != call(words=words, filters={"a": 1, "b": 2}, page=2).fingerprint


def test_each_outcome_has_its_state_in_the_ledger() -> None:
    """What the ledger keeps follows from how the call ended."""
    outcomes = [
        Done(output=1),
        Failed(kind=FailureKind.BUG, message=""),
        Pending(call_id="c", reason=""),
        Unknown(message=""),
    ]

    assert [state_of(outcome) for outcome in outcomes] == [
        CallState.DONE,
        CallState.FAILED,
        CallState.AWAITING_APPROVAL,
        CallState.UNKNOWN,
    ]
