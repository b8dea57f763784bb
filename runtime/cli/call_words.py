"""What is said of a call of the ledger: in a line for people, and as an object for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from trunkline.runtime.calls.desk import Decided
from trunkline.runtime.calls.record import CallRecord
from trunkline.runtime.cli.figures import one_line
from trunkline.tools.call import CallState
from trunkline.tools.outcome import Done, Failed, Outcome, Unknown

SHORTEST_ID = 10
"""Characters of a call's id that are shown at least: few enough to type, and not shared by two of a million calls."""


def call_text(record: CallRecord) -> str:
    """Return the tool with its arguments in one line: `refund(order_id="1", amount=80)`."""
    arguments = ", ".join(f"{name}={json_text(value)}" for name, value in record.arguments.items())
    return one_line(f"{record.tool}({arguments})")


def untrusted_text(record: CallRecord) -> str:
    """Return which arguments nobody vouches for, or nothing."""
    told = [f"{name} comes from an untrusted text that {tool} gave" for name, tool in record.untrusted.items()]
    return one_line("; ".join(told))


def answer_text(decided: Decided) -> str:
    """Return how a call stands after a decision, in one line."""
    match decided.state:
        case CallState.PROPOSED:
            return "waits for the customer's confirmation"
        case CallState.AWAITING_APPROVAL:
            return f"waits for {decided.missing} more {'person' if decided.missing == 1 else 'people'}"
        case state:
            ending = ending_text(decided.outcome)
            return f"{state.value}: {ending}" if ending else state.value


def ending_text(outcome: Outcome | None) -> str:
    """Return what a call gave, or why it gave nothing, in one line; nothing for one that has not ended."""
    match outcome:
        case Done(output=output):
            return one_line(json_text(output))
        case Failed(message=message) | Unknown(message=message):
            return one_line(message)
        case _:
            return ""


def json_text(value: object) -> str:
    """Return a value as JSON in one line."""
    return json.dumps(value, ensure_ascii=False, default=str)


def call_object(record: CallRecord) -> dict[str, Any]:
    """Return the call as one object, with how it ended in `output`, `failure` and `error`."""
    values = asdict(record)
    del values["outcome"]
    return {**values, "thread": record.thread, **_ending(record.outcome)}


def _ending(outcome: Outcome | None) -> dict[str, Any]:
    ending: dict[str, Any] = {"output": None, "failure": None, "error": None}
    match outcome:
        case Done(output=output):
            return {**ending, "output": output}
        case Failed(kind=kind, message=message):
            return {**ending, "failure": kind, "error": message}
        case Unknown(message=message):
            return {**ending, "error": message}
        case _:
            return ending
