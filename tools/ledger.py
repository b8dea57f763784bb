"""The ledger of calls: what was intended, what was done, and whether a call may run at all.

An effect is written down before it runs and again when it is done; a read once, when it is done. `verdict` is the one
rule by which every ledger decides; `MemoryLedger` is the one that needs no database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from trunkline.tools.call import CallId, CallResult, CallState, ToolCall, state_of
from trunkline.tools.outcome import Done, Failed, FailureKind, Outcome, Pending, Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the ledger holds of an earlier call with the same id or the same key."""

    call_id: CallId
    fingerprint: str
    state: CallState
    outcome: Outcome | None
    """None until the call has ended."""


HOLDING = frozenset(
    {CallState.AWAITING_APPROVAL, CallState.READY, CallState.RUNNING, CallState.DONE, CallState.UNKNOWN}
)
"""The states in which a call holds its idempotency key; one that failed or was refused has let go of it."""


class Ledger(Protocol):
    """Where calls are recorded. Every method is durable when it returns."""

    async def recall(self, calls: Sequence[ToolCall]) -> Mapping[CallId, Outcome]:
        """Return the outcomes of those calls that an earlier run of the same batch has finished."""
        ...

    async def intend(self, call: ToolCall) -> Outcome | None:
        """Record that an effect is about to run; return None to let it run, or the outcome that it already has."""
        ...

    async def propose(self, call: ToolCall, reason: str) -> Outcome:
        """Record that the effect waits for a person; return `Pending`, or the outcome that it already has."""
        ...

    async def record(self, call: ToolCall, result: CallResult) -> None:
        """Record how the call ended."""
        ...


def verdict(call: ToolCall, earlier: Entry | None) -> Outcome | None:
    """Return the outcome that `earlier` settles for `call`, or None when the call may run.

    `earlier` is the entry with the call's own id, else the live one with its idempotency key.
    """
    if earlier is None or earlier.state not in HOLDING:
        return None
    if earlier.fingerprint != call.fingerprint:
        message = f"key {call.key!r} was already used by call {earlier.call_id} with other arguments; nothing was done"
        return Failed(kind=FailureKind.REJECTED, message=message)
    match earlier.state:
        case CallState.DONE if isinstance(earlier.outcome, Done):
            return replace(earlier.outcome, replayed=True)
        case CallState.AWAITING_APPROVAL if not call.approved:
            return earlier.outcome or Pending(call_id=earlier.call_id, reason="waiting for approval")
        case CallState.RUNNING if earlier.call_id != call.call_id:
            message = f"another call with key {call.key!r} is running ({earlier.call_id}); ask again later"
            return Failed(kind=FailureKind.RETRYABLE, message=message)
        case CallState.RUNNING | CallState.UNKNOWN:
            return None if call.tool.effect.repeatable else _may_have_happened(earlier)
        case _:
            return None


def _may_have_happened(earlier: Entry) -> Unknown:
    return Unknown(message=f"call {earlier.call_id} was interrupted and may have taken effect; a person must look")


class MemoryLedger:
    """A ledger that lasts as long as the process: for plain LangGraph programs and for tests."""

    def __init__(self) -> None:
        self._entries: dict[CallId, Entry] = {}
        self._by_key: dict[str, list[CallId]] = {}
        """Newest last."""

    async def recall(self, calls: Sequence[ToolCall]) -> Mapping[CallId, Outcome]:
        """Return the outcomes of those calls that are finished."""
        entries = (self._entries.get(call.call_id) for call in calls)
        return {entry.call_id: entry.outcome for entry in entries if entry and entry.outcome}

    async def intend(self, call: ToolCall) -> Outcome | None:
        """Record the intent, unless an earlier call with the same id or key settles it."""
        settled = verdict(call, self._earlier(call))
        if settled is None:
            self._put(call, CallState.RUNNING, None)
        return settled

    async def propose(self, call: ToolCall, reason: str) -> Outcome:
        """Record the proposal, unless an earlier call with the same id or key settles it."""
        settled = verdict(call, self._earlier(call))
        if settled is None:
            settled = Pending(call_id=call.call_id, reason=reason)
            self._put(call, CallState.AWAITING_APPROVAL, settled)
        return settled

    async def record(self, call: ToolCall, result: CallResult) -> None:
        """Record how the call ended. A done effect also settles the unknown ones under its key."""
        self._put(call, state_of(result.outcome), result.outcome)
        if isinstance(result.outcome, Done):
            for entry in self._under_key(call):
                if entry.state is CallState.UNKNOWN:
                    self._entries[entry.call_id] = replace(entry, state=CallState.FAILED, outcome=None)

    def _earlier(self, call: ToolCall) -> Entry | None:
        own = self._entries.get(call.call_id)
        same = [*self._under_key(call), *([own] if own else [])]
        live = [entry for entry in same if entry.state in HOLDING]
        known = [entry for entry in live if entry.state is not CallState.UNKNOWN]
        return next(reversed(known or live), None)

    def _under_key(self, call: ToolCall) -> list[Entry]:
        return [self._entries[other] for other in self._by_key.get(call.key or "", ()) if other != call.call_id]

    def _put(self, call: ToolCall, state: CallState, outcome: Outcome | None) -> None:
        entry = Entry(call_id=call.call_id, fingerprint=call.fingerprint, state=state, outcome=outcome)
        self._entries[call.call_id] = entry
        if call.key:
            others = [other for other in self._by_key.get(call.key, ()) if other != call.call_id]
            self._by_key[call.key] = [*others, call.call_id]
