"""How a tool call ended, as values that are told apart with `match`, and what the model reads of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic_core import to_json


class FailureKind(StrEnum):
    """Why a call gave no result, in the words that the model reads."""

    RETRYABLE = "retryable"
    """No answer, and nothing was changed: asking again may help."""

    REJECTED = "rejected"
    """The request itself was refused: asking again for the same will not help."""

    BUG = "bug"
    """The tool broke."""


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
    """The call waits for a person's decision; nothing has run."""

    call_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The effect may or may not have happened; nothing was guessed."""

    message: str


Outcome = Done | Failed | Pending | Unknown


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
        case Pending(call_id=call_id, reason=reason):
            return _json({"status": "pending_approval", "approval": call_id, "reason": reason})


def is_error(outcome: Outcome) -> bool:
    """Whether the model should be told that the call did not do what was asked."""
    return isinstance(outcome, Failed | Unknown)


def _json(value: object) -> str:
    return to_json(value).decode()
