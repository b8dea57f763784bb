"""Events are stored with their types, and nothing is read that does not fit exactly."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langgraph.types import Interrupt

from trunkline.errors import EventFormatError
from trunkline.runtime.events import CustomEmitted, LoggedEvent, MessageFinished, NotKept, RunStarted, StepFinished
from trunkline.runtime.queue.happenings import (
    RunCancelled,
    RunDied,
    RunFailed,
    RunHandedBack,
    RunRetried,
    RunSucceeded,
    RunWaiting,
    WorkerLost,
)
from trunkline.runtime.storage.checkpoints.frame import frame, pack
from trunkline.runtime.storage.checkpoints.serializer import StrictSerializer
from trunkline.runtime.storage.event_data import MOST, decode, encode
from trunkline.runtime.storage.payloads import Payloads
from trunkline.tools.call import CallId
from trunkline.tools.events import ToolCallFinished, ToolCallRetried, ToolCallStarted
from trunkline.tools.outcome import Done, Failed, FailureKind, Pending, StillRunning, Unknown

PAYLOADS = Payloads(StrictSerializer())
TEXT = st.text()
SECONDS = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
COUNT = st.integers(min_value=0)
IDS = st.builds(CallId, TEXT)
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
OUTCOMES = st.one_of(
    st.builds(Done, output=JSON, replayed=st.booleans()),
    st.builds(Failed, kind=st.sampled_from(FailureKind), message=TEXT),
    st.builds(Pending, call_id=TEXT, reason=TEXT, of=st.sampled_from(["approval", "confirmation"])),
    st.builds(StillRunning, call_id=TEXT),
    st.builds(Unknown, message=TEXT, call_id=st.none() | TEXT),
)
EVENTS = st.one_of(
    st.builds(RunStarted, run_id=TEXT, thread_id=TEXT, attempt=COUNT, worker=TEXT),
    st.builds(ToolCallStarted, call_id=IDS, tool=TEXT, arguments=st.dictionaries(TEXT, JSON, max_size=3)),
    st.builds(ToolCallRetried, call_id=IDS, tool=TEXT, attempt=COUNT, why=TEXT, seconds=SECONDS),
    st.builds(ToolCallFinished, call_id=IDS, tool=TEXT, outcome=OUTCOMES, seconds=SECONDS),
    st.builds(MessageFinished, message_id=TEXT, text=TEXT),
    st.builds(StepFinished, node=TEXT),
    st.builds(CustomEmitted, data=st.sampled_from([AIMessage("hello", id="1"), {"any": ["list", 1]}, b"bytes"])),
    st.builds(RunWaiting, interrupts=st.just([Interrupt(value={"sure": True}, id="1")])),
    st.builds(RunRetried, attempt=COUNT, error=TEXT, seconds=SECONDS),
    st.builds(WorkerLost, worker=TEXT, crashes=COUNT),
    st.builds(RunFailed, error=TEXT),
    st.builds(RunDied, error=TEXT),
    st.builds(RunCancelled, why=st.none() | TEXT),
    st.sampled_from([RunHandedBack(), RunSucceeded()]),
)


@dataclass(frozen=True)
class Seen:
    """A type that some are told of."""

    what: str = "order"


class Basket:
    """A type of the user's that is on nobody's list."""


@given(EVENTS)
def test_an_event_is_read_as_it_was_written(event: LoggedEvent) -> None:
    """Whatever it holds, of every kind."""
    assert decode(*encode(event, PAYLOADS), PAYLOADS) == event


def test_a_value_that_cannot_be_stored_leaves_its_name() -> None:
    """What a node wrote to the stream is its own affair: the run does not fail of it."""
    match decode(*encode(CustomEmitted(data=Basket()), PAYLOADS), PAYLOADS):
        case CustomEmitted(data=NotKept(type=name, why=why)):
            assert name.endswith("Basket")
            assert "Basket" in why
        case other:
            pytest.fail(f"read {other}")


def test_a_value_that_this_process_may_not_read_is_told_of() -> None:
    """Who joins from elsewhere hears the event all the same."""
    kept = encode(CustomEmitted(data=Seen()), Payloads(StrictSerializer([Seen])))

    assert decode(*kept, Payloads(StrictSerializer([Seen]))) == CustomEmitted(data=Seen())
    match decode(*kept, PAYLOADS):
        case CustomEmitted(data=NotKept(why=why)):
            assert "Seen" in why
        case other:
            pytest.fail(f"read {other}")


def test_a_large_result_is_left_to_the_ledger() -> None:
    """The log says how large it was."""
    call = ToolCallFinished(call_id=CallId("1"), tool="read", outcome=Done(output="x" * MOST), seconds=1.0)
    match decode(*encode(call, PAYLOADS), PAYLOADS):
        case ToolCallFinished(outcome=Done(output=NotKept(type="builtins.str", why=why))):
            assert why.startswith("262,146 bytes")
        case other:
            pytest.fail(f"read {other}")


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("step_started", {"v": 1, "node": "a"}),
        ("step_finished", {"v": 2, "node": "a"}),
        ("step_finished", {"node": "a"}),
        ("step_finished", {"v": 1}),
        ("step_finished", {"v": 1, "node": "a", "more": 1}),
        ("step_finished", {"v": 1, "node": 1}),
        ("tool_call_finished", {"v": 1, "call_id": "1", "tool": "t", "outcome": {"is": "odd"}, "seconds": 1.0}),
        ("custom_emitted", {"v": 1, "data": {"pickled": ""}}),
    ],
)
def test_what_does_not_fit_exactly_is_refused(kind: str, told: dict[str, Any]) -> None:
    """Another kind, version, field or type is never guessed at."""
    with pytest.raises(EventFormatError, match="upgrade"):
        decode(kind, pack(frame(("json", json.dumps(told).encode()))), PAYLOADS)
