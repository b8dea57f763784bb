"""A call as it stands on the ledger, for people to look at and to decide on, and what they decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trunkline.tools.call import CallId, CallState
from trunkline.tools.effect import Effect
from trunkline.tools.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One row of the ledger."""

    call_id: CallId
    tenant: str
    thread_id: str
    run_id: str
    batch: str
    tool_call_id: str
    tool: str
    home: str | None
    """`module:name` of the tool's function."""

    effect: Effect
    arguments: Mapping[str, Any]
    key: str | None
    state: CallState
    reason: str | None
    """Why somebody must decide."""

    outcome: Outcome | None
    """None while it is about to run, or runs."""

    attempts: int
    asked_at: datetime | None
    expires_at: datetime | None
    started_at: datetime | None
    recorded_at: datetime
    """When the row was last written."""

    people: int
    """How many different people must agree."""

    agreed: tuple[str, ...]
    """Who has agreed so far."""

    confirmed: bool
    """Whether the customer has agreed."""

    approved: bool
    """Whether everybody who must has agreed."""

    decided_by: str | None
    note: str | None
    """The reason that whoever decided gives to the customer."""

    grants: Mapping[str, int]
    untrusted: Mapping[str, str]
    """The arguments that come from an untrusted text, with the tool whose result it was."""

    undoes: str | None
    """The key of the effect that the call compensates."""

    @property
    def thread(self) -> str:
        """The thread's name as its tenant writes it."""
        return self.thread_id.removeprefix(f"{self.tenant}/") if self.tenant else self.thread_id


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """What somebody decided on a call, as it is kept."""

    verdict: str
    """One of `Verdict`, or `settle`: a person told what became of a call whose outcome nobody knew."""

    by: str
    reason: str | None
    """For the customer."""

    note: str | None
    """For colleagues only."""

    arguments: Mapping[str, Any] | None
    """The call's arguments before this decision changed them; None where it did not."""

    at: datetime
