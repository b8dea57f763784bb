"""The judge of the crash tests finds what it is there to find."""

import pytest
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

from stand_ins.aftermath import Record, broken_promises
from stand_ins.killed_desk import DEEDS
from trunkline.runtime.reply import Reply

LOG = [f"{what} {deed}" for deed in DEEDS for what in ("began", "did")]
ANSWERS: list[AnyMessage] = [ToolMessage(f"{deed}: ok", tool_call_id=deed) for deed in DEEDS]
UNKNOWN = ToolMessage('{"error":"unknown"}', tool_call_id="wire B")


def record(*log: str, messages: list[AnyMessage] | None = None, **states: str) -> Record:
    """Return a record in which all is done, but for the tools named; `log` is what happened besides."""
    rows = [(deed, states.get(deed.split()[0], "done")) for deed in DEEDS]
    return Record(rows=rows, world=[*LOG, *log], messages=messages or [])


def verdict(kill: Record, end: Record, answers: list[AnyMessage] = ANSWERS) -> list[str]:
    asked = AIMessage("", tool_calls=[{"name": "act", "args": {}, "id": deed} for deed in DEEDS])
    state = {"messages": [asked, *answers, AIMessage("all done")]}
    return broken_promises([kill], end, Reply(run_id="r", thread_id="t", state=state))


def told_of_wire(*, unknown: bool) -> list[AnyMessage]:
    return [UNKNOWN if unknown and answer.text == "wire B: ok" else answer for answer in ANSWERS]


@pytest.mark.parametrize(
    ("kill", "end", "said"),
    [
        (record(), record(), []),
        (record(wire="running"), record(wire="unknown"), ["shred A: begun before what it waits for was on record"]),
        (record(wire="-"), record(wire="unknown"), ["shred A: begun before", "wire B: unknown, though"]),
        (record(), record("began look hall"), ["look hall: run again, though it was done"]),
        (record(), record("did mail A"), ["mail A: happened twice"]),
        (record("began mail A"), record("began mail A"), ["mail A: run again, though nobody knew"]),
        (
            record(pay="running", messages=ANSWERS),
            record(),
            ["ship A: begun", "weigh A", "shred A", "a checkpoint has"],
        ),
        (record(), record(ship="running"), ["ship A: not settled by one row"]),
    ],
)
def test_a_broken_promise_is_found(kill: Record, end: Record, said: list[str]) -> None:
    """Each promise is broken once; one that is kept is not complained of."""
    found = verdict(kill, end, told_of_wire(unknown=("wire B", "unknown") in end.rows))

    assert len(found) == len(said)
    assert all(each.startswith(start) for each, start in zip(found, said, strict=True))


def test_answers_in_another_order_are_found() -> None:
    """The model reads the results in the order in which it asked."""
    found = verdict(record(), record(), ANSWERS[::-1])

    assert found[0] == "the conversation has not one result per call in the model's order"
