"""A tool call: what the model asked for, bound to its tool, and where it stands."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NewType

from trunkline.tools.access import Access
from trunkline.tools.canonical import canonical_json
from trunkline.tools.outcome import Done, Failed, Outcome, Pending, Unknown
from trunkline.tools.tool import Tool

CallId = NewType("CallId", str)


class CallState(StrEnum):
    """Where a call stands in the ledger."""

    PROPOSED = "proposed"
    AWAITING_APPROVAL = "awaiting_approval"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    DENIED = "denied"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """What a model (or a graph's own code) asks for."""

    name: str
    arguments: Mapping[str, Any]
    tool_call_id: str
    """The model's name for the request; its result is sent back under it."""

    problem: str | None = None
    """What is wrong with it before anybody looks at its arguments, as when they are not JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a batch of calls comes from. The same origin gives the same call ids, so a resumed run finds results."""

    thread_id: str
    run_id: str
    batch: str
    """The identity of the model's message, or of the graph task, that asked for the calls."""

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

    access: Access
    key: str | None
    """The idempotency key: the business identity of the effect."""

    approved: bool = False
    """Whether a person has agreed to it."""

    @property
    def fingerprint(self) -> str:
        """A digest of the tool's name and arguments: tells whether two calls ask for the same."""
        asked = canonical_json([self.tool.name, self.arguments])
        return _digest(asked)[:32]

    @property
    def reason_to_ask(self) -> str | None:
        """Why a person must decide before the call runs, or None."""
        return None if self.approved else self.tool.reason_to_ask(self.arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """How one request ended."""

    call_id: CallId
    request: ToolRequest
    outcome: Outcome
    waited: float = 0.0
    """Seconds between the request and the start of its run: for earlier calls and for a free slot."""

    seconds: float = 0.0
    """Seconds that it ran."""


def _digest(asked: str) -> str:
    """Half an emoji, as a model may write it, has a digest too."""
    return hashlib.sha256(asked.encode(errors="surrogatepass")).hexdigest()


def state_of(outcome: Outcome) -> CallState:
    """Return the state in which the ledger keeps a call that ended so."""
    match outcome:
        case Done():
            return CallState.DONE
        case Failed():
            return CallState.FAILED
        case Pending():
            return CallState.AWAITING_APPROVAL
        case Unknown():
            return CallState.UNKNOWN
