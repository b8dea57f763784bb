"""How a tool call ended, as values that are told apart with `match`, and what the model reads of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic_core import to_json


class FailureKind(StrEnum):
    """Why a call gave no result, in the words that the model reads."""

    RETRYABLE = "retryable"
    """No answer, and nothing was changed: asking again may help."""

    REJECTED = "rejected"
    """The tool or a person refused it: asking again for the same will not help."""

    BUG = "bug"
    """The tool broke."""

    DENIED = "denied"
    """Policy refused it before it ran."""

    EXPIRED = "expired"
    """Nobody decided in time; nothing has run."""

    WITHDRAWN = "withdrawn"
    """It was taken back before it ran."""

    CANCELLED = "cancelled"
    """The run was stopped before it ran, or while it only read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The call gave a result."""

    output: object
    """JSON-able: what the tool returned, with models and dataclasses turned into objects."""

    replayed: bool = False
    """Whether the result is an earlier call's, from the ledger, and nothing ran now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The call gave no result, and changed nothing."""

    kind: FailureKind
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The call waits for a decision; nothing has run."""

    call_id: str
    reason: str
    of: Literal["approval", "confirmation"] = "approval"
    """Whose decision: a person's of the company, or the customer's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StillRunning:
    """The call had no result when the turn's deadline came; its result is told to the conversation later."""

    call_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The effect may or may not have happened; nothing was guessed."""

    message: str
    call_id: str | None = None
    """The call whose outcome is unknown, where it is an earlier one with the same key."""


Outcome = Done | Failed | Pending | StillRunning | Unknown


def text_for_model(outcome: Outcome) -> str:
    """Return what the model reads as the result of the call: a text as it is, anything else as JSON."""
    match outcome:
        case Done(output=str() as text):
            return text
        case Done(output=output):
            return _json(output)
        case Failed(kind=kind, message=message):
            return _json({"error": kind.value, "message": message})
        case Unknown(message=message):
            return _json({"error": "unknown", "message": message})
        case Pending(call_id=call_id, reason=reason, of=of):
            return _json({"status": f"pending_{of}", of: call_id, "reason": reason})
        case StillRunning(call_id=call_id):
            return _json({"status": "still_running", "call": call_id, "message": "its result follows as an event"})


def is_error(outcome: Outcome) -> bool:
    """Whether the model should be told that the call did not do what was asked."""
    return isinstance(outcome, Failed | Unknown)


def _json(value: object) -> str:
    return to_json(value).decode()
