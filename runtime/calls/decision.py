"""What a person, or time, decides on a call that waits; and the one rule that says whether it still can."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from trunkline.errors import (
    AlreadyDecidedError,
    DecisionError,
    RequestExpiredError,
    RequestWithdrawnError,
    SamePersonError,
)
from trunkline.runtime.calls.record import CallRecord
from trunkline.tools.call import CallState
from trunkline.tools.ledger import WAITING
from trunkline.tools.outcome import Failed, FailureKind


class Verdict(StrEnum):
    """What is decided."""

    APPROVE = "approve"
    REJECT = "reject"
    CONFIRM = "confirm"
    """The customer agrees."""

    WITHDRAW = "withdraw"
    """The customer, or whoever asked, takes the request back."""

    EXPIRE = "expire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A decision, and who took it."""

    verdict: Verdict
    by: str
    reason: str = ""
    """For the customer."""

    note: str = ""
    """For colleagues only."""

    arguments: Mapping[str, Any] | None = None
    """What the call's arguments become; None: as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where a decision takes a call."""

    state: CallState
    agreed: tuple[str, ...]
    confirmed: bool
    approved: bool
    failure: Failed | None = None
    """What the model reads of a call that will not run."""


def judge(record: CallRecord, decision: Decision, now: datetime) -> Step:
    """Return where the decision takes the call. Raises a `DecisionError` where it comes too late or from the wrong one.

    A request that has expired can only be expired.
    """
    match decision.verdict:
        case Verdict.WITHDRAW if record.state is CallState.READY:
            return _closed(record, CallState.WITHDRAWN, FailureKind.WITHDRAWN, decision)
        case _ if record.state not in WAITING:
            raise too_late(record)
        case Verdict.EXPIRE if not is_due(record, now):
            problem = "has time left"
            raise DecisionError(call=record.call_id, state=record.state, problem=problem)
        case Verdict.EXPIRE:
            return _closed(record, CallState.EXPIRED, FailureKind.EXPIRED, decision)
        case _ if is_due(record, now):
            raise _expired(record)
        case Verdict.WITHDRAW:
            return _closed(record, CallState.WITHDRAWN, FailureKind.WITHDRAWN, decision)
        case Verdict.REJECT:
            return _closed(record, CallState.REJECTED, FailureKind.REJECTED, decision)
        case Verdict.CONFIRM:
            return _confirmed(record)
        case Verdict.APPROVE:
            return _approved(record, decision)


def is_due(record: CallRecord, now: datetime) -> bool:
    """Whether the request waits and its time is over."""
    return record.state in WAITING and record.expires_at is not None and record.expires_at <= now


def _confirmed(record: CallRecord) -> Step:
    if record.state is not CallState.PROPOSED:
        raise AlreadyDecidedError(call=record.call_id, state=record.state, problem="was confirmed already")
    return Step(state=CallState.READY, agreed=(), confirmed=True, approved=False)


def _approved(record: CallRecord, decision: Decision) -> Step:
    if record.state is CallState.PROPOSED:
        problem = "waits for the customer's confirmation first; nobody else can decide on it yet"
        raise DecisionError(call=record.call_id, state=record.state, problem=problem)
    before = () if decision.arguments is not None else record.agreed  # the others have agreed to something else
    if decision.by in before:
        problem = f"was approved by {decision.by} already; it needs {record.people} different people"
        raise SamePersonError(call=record.call_id, state=record.state, problem=problem)
    agreed = (*before, decision.by)
    enough = len(agreed) >= record.people
    state = CallState.READY if enough else CallState.AWAITING_APPROVAL
    return Step(state=state, agreed=agreed, confirmed=record.confirmed, approved=enough)


def _closed(record: CallRecord, state: CallState, kind: FailureKind, decision: Decision) -> Step:
    said = {
        CallState.REJECTED: "a colleague refused it",
        CallState.WITHDRAWN: "it was withdrawn before it ran",
        CallState.EXPIRED: "nobody decided in time; nothing was done",
    }[state]
    message = f"{said}: {decision.reason}" if decision.reason else said
    return Step(
        state=state,
        agreed=record.agreed,
        confirmed=record.confirmed,
        approved=False,
        failure=Failed(kind=kind, message=message),
    )


def too_late(record: CallRecord) -> DecisionError:
    """Return the error that says why nobody can decide on the call any more."""
    match record.state:
        case CallState.EXPIRED:
            return _expired(record)
        case CallState.WITHDRAWN:
            problem = f"was withdrawn{_by(record)}; nothing was done"
            return RequestWithdrawnError(call=record.call_id, state=record.state, problem=problem)
        case state:
            problem = f"was decided already{_by(record)}; it is {state.value}"
            return AlreadyDecidedError(call=record.call_id, state=state, problem=problem)


def _expired(record: CallRecord) -> RequestExpiredError:
    when = f" at {record.expires_at:%Y-%m-%d %H:%M:%S} UTC" if record.expires_at else ""
    return RequestExpiredError(call=record.call_id, state="expired", problem=f"expired{when}; nothing was done")


def _by(record: CallRecord) -> str:
    return f" by {record.decided_by} at {record.recorded_at:%H:%M:%S} UTC" if record.decided_by else ""
