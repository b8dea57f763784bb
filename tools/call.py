"""A tool call: what the model asked for, bound to its tool, and where it stands."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NewType

from trunkline.tools.access import Access
from trunkline.tools.canonical import canonical_json
from trunkline.tools.effect import Effect
from trunkline.tools.lane import LaneOfCall
from trunkline.tools.outcome import Done, Failed, FailureKind, Outcome, Pending, StillRunning, Unknown
from trunkline.tools.tool import Tool

CallId = NewType("CallId", str)

OnFailure = Literal["continue", "required", "fail_fast"]


class CallState(StrEnum):
    """Where a call stands in the ledger."""

    PROPOSED = "proposed"
    """Waits for the customer's own confirmation."""

    AWAITING_APPROVAL = "awaiting_approval"
    """Waits for people of the company."""

    READY = "ready"
    """Decided, and about to run."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    """It ran, or was about to, and gave no result; nothing was changed."""

    DENIED = "denied"
    """Policy refused it."""

    REJECTED = "rejected"
    """A person refused it."""

    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    UNDONE = "undone"
    """It was done, and a compensation has undone it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """What a model (or a graph's own code) asks for."""

    name: str
    arguments: Mapping[str, Any]
    tool_call_id: str
    """The model's name for the request; its result is sent back under it."""

    problem: str | None = None
    """What is wrong with it before anybody looks at its arguments, as when they are not JSON."""

    on_failure: OnFailure = "continue"
    """What its failure means for the batch: a result like any other; or the batch fails, at its end (`required`) or at
    once (`fail_fast`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a batch of calls comes from. The same origin gives the same call ids, so a resumed run finds results."""

    thread_id: str
    run_id: str
    batch: str
    """The identity of the model's message, or of the graph task, that asked for the calls."""

    grants: Mapping[str, int] = field(default_factory=dict[str, int])
    """What the graph vouches for, by level: what `requires="verified:2"` is checked against."""

    heard: Sequence[str] = ()
    """What the customer said: values that stand in it are not untrusted."""

    def call_id(self, position: int, request: ToolRequest) -> CallId:
        """Return the id of the request at this position of the batch; one that somebody edited is another call."""
        asked = canonical_json([self.thread_id, self.batch, position, request.name, request.arguments])
        return CallId(f"c-{_digest(asked)[:16]}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A request that was found valid, bound to its tool."""

    call_id: CallId
    origin: Origin
    request: ToolRequest
    tool: Tool
    arguments: Mapping[str, Any]
    """The validated values, as the tool's function takes them."""

    effect: Effect
    access: Access
    key: str | None
    """The idempotency key: the business identity of the effect."""

    lane: LaneOfCall | None
    fingerprint: str
    """A digest of the tool's name and arguments: tells whether two calls ask for the same."""

    undoes: str | None = None
    """The key that is free again once it is done: of the effect that it compensates, or of its own compensation."""

    untrusted: Mapping[str, str] = field(default_factory=dict[str, str])
    """The arguments whose values come from an untrusted text, with the tool whose result it was."""

    confirmed: bool = False
    """Whether the customer has agreed to it."""

    approved: bool = False
    """Whether everybody who must has agreed to it."""

    @property
    def decided(self) -> bool:
        """Whether the call comes from the ledger, where people have decided on it, and not from a model."""
        return self.confirmed or self.approved


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """How one request ended."""

    call_id: CallId
    request: ToolRequest
    outcome: Outcome
    waited: float = 0.0
    """Seconds between the request and the start of its run: for earlier calls and for a free slot."""

    seconds: float = 0.0
    """Seconds that it ran, all attempts together."""

    attempts: int = 0
    """How often it was tried; 0 when it was settled without running."""


def _digest(asked: str) -> str:
    """Half an emoji, as a model may write it, has a digest too."""
    return hashlib.sha256(asked.encode(errors="surrogatepass")).hexdigest()


def fingerprint_of(tool: Tool, arguments: Mapping[str, Any]) -> str:
    """Return the digest of what is asked for."""
    return _digest(canonical_json([tool.name, arguments]))[:32]


def state_of(outcome: Outcome) -> CallState:
    """Return the state in which the ledger keeps a call that ended so."""
    match outcome:
        case Done():
            return CallState.DONE
        case Failed(kind=kind):
            return _OF_FAILURE.get(kind, CallState.FAILED)
        case Pending(of="confirmation"):
            return CallState.PROPOSED
        case Pending():
            return CallState.AWAITING_APPROVAL
        case StillRunning():
            return CallState.RUNNING
        case Unknown():
            return CallState.UNKNOWN


_OF_FAILURE = {
    FailureKind.DENIED: CallState.DENIED,
    FailureKind.EXPIRED: CallState.EXPIRED,
    FailureKind.WITHDRAWN: CallState.WITHDRAWN,
    FailureKind.CANCELLED: CallState.CANCELLED,
}
