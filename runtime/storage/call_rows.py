"""Rows of the table `calls`: how a call becomes one, and what is read out of one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic_core import to_jsonable_python
from sqlalchemy import Update, update

from trunkline.runtime.calls.record import CallRecord
from trunkline.runtime.storage.tables import CallRow
from trunkline.tools.call import CallId, CallResult, CallState, ToolCall
from trunkline.tools.effect import Effect
from trunkline.tools.ledger import Entry
from trunkline.tools.outcome import Done, Failed, FailureKind, Outcome, Pending, Unknown


def row_of(call: ToolCall, *, tenant: str, state: CallState, at: datetime) -> dict[str, Any]:
    """Return the row of a call that has no outcome yet."""
    return {
        "id": call.call_id,
        "tenant": tenant,
        "thread_id": call.origin.thread_id,
        "run_id": call.origin.run_id,
        "batch": call.origin.batch,
        "tool_call_id": call.request.tool_call_id,
        "tool": call.tool.name,
        "home": call.tool.home,
        "effect": call.effect.value,
        "arguments": to_jsonable_python(dict(call.request.arguments)),
        "fingerprint": call.fingerprint,
        "key": call.key,
        "state": state.value,
        "context": _context(call),
        "untrusted": False,
        "output": None,
        "failure": None,
        "error": None,
        "waited": None,
        "seconds": None,
        "attempts": None,
        "started_at": None,
        "recorded_at": at,
    }


def _context(call: ToolCall) -> dict[str, Any] | None:
    """Return what rules know of the call beside its arguments; None, which most calls have, is nothing."""
    known = {"grants": dict(call.origin.grants), "untrusted": dict(call.untrusted), "undoes": call.undoes}
    return known if any(known.values()) else None


ENDING = (
    "run_id",
    "state",
    "output",
    "failure",
    "error",
    "untrusted",
    "waited",
    "seconds",
    "attempts",
    "recorded_at",
)
"""The columns that the end of a call writes anew."""


def ending_of(outcome: Outcome) -> dict[str, Any]:
    """Return the columns that say how a call ended."""
    return {
        "output": outcome.output if isinstance(outcome, Done) else None,
        "failure": outcome.kind.value if isinstance(outcome, Failed) else None,
        "error": outcome.message if isinstance(outcome, Failed | Unknown) else None,
    }


def measures_of(call: ToolCall, result: CallResult) -> dict[str, Any]:
    """Return the columns that say what the call took."""
    return {
        "untrusted": call.tool.untrusted,
        "waited": result.waited,
        "seconds": result.seconds,
        "attempts": result.attempts,
    }


def entry_of(row: Any) -> Entry:
    """Return what the ledger's rule needs to know of a row."""
    state = CallState(row.state)
    context: Mapping[str, Any] = row.context or {}
    return Entry(
        call_id=CallId(row.id),
        fingerprint=row.fingerprint,
        state=state,
        outcome=outcome_of(row),
        decided=bool(context.get("confirmed") or context.get("approved")),
    )


def outcome_of(row: Any) -> Outcome | None:
    """Return how the call of a row stands for the model; None while it is about to run, or runs."""
    match CallState(row.state):
        case CallState.DONE | CallState.UNDONE:
            return Done(output=row.output, replayed=True)
        case CallState.PROPOSED:
            return Pending(call_id=row.id, reason=row.reason or "", of="confirmation")
        case CallState.AWAITING_APPROVAL:
            return Pending(call_id=row.id, reason=row.reason or "")
        case CallState.UNKNOWN:
            return Unknown(message=row.error or "")
        case CallState.READY | CallState.RUNNING:
            return None
        case _ if row.failure:
            return Failed(kind=FailureKind(row.failure), message=row.error or "")
        case _:
            return None


def record_of(row: Any) -> CallRecord:
    """Return a row as people see it."""
    context: Mapping[str, Any] = row.context or {}
    return CallRecord(
        call_id=CallId(row.id),
        tenant=row.tenant,
        thread_id=row.thread_id,
        run_id=row.run_id,
        batch=row.batch,
        tool_call_id=row.tool_call_id,
        tool=row.tool,
        home=row.home,
        effect=Effect(row.effect),
        arguments=row.arguments,
        key=row.key,
        state=CallState(row.state),
        reason=row.reason,
        outcome=outcome_of(row),
        attempts=row.attempts or 0,
        asked_at=row.asked_at,
        expires_at=row.expires_at,
        started_at=row.started_at,
        recorded_at=row.recorded_at,
        people=context.get("people", 1),
        agreed=tuple(context.get("agreed", ())),
        confirmed=context.get("confirmed", False),
        approved=context.get("approved", False),
        decided_by=row.decided_by,
        note=row.note,
        grants=context.get("grants", {}),
        untrusted=context.get("untrusted", {}),
        undoes=context.get("undoes"),
    )


def undoing(tenant: str, key: str, *, by: CallId, at: datetime) -> Update:
    """Return the statement that frees a key whose done call was undone by another call."""
    done = (CallRow.tenant == tenant) & (CallRow.key == key) & (CallRow.state == CallState.DONE.value)
    changes = {"state": CallState.UNDONE.value, "error": f"undone by call {by}", "recorded_at": at}
    return update(CallRow).where(done).values(**changes)
