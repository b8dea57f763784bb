"""The ledger of calls, as the engine asks for it: what was intended, what was done, and whether a call may run at all.

An effect is written down before it runs and again when it is done; a read once, when it is done. `verdict` is the one
rule by which every ledger decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from trunkline.tools.approval import Ask
from trunkline.tools.call import CallId, CallResult, CallState, ToolCall
from trunkline.tools.outcome import Done, Failed, FailureKind, Outcome, Pending, StillRunning, Unknown
from trunkline.tools.trust import UntrustedText


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the ledger holds of an earlier call with the same id or the same key."""

    call_id: CallId
    fingerprint: str
    state: CallState
    outcome: Outcome | None
    """None until the call has ended."""

    decided: bool = False
    """Whether people have agreed to it: it is carried out beside any batch."""

    @property
    def standing(self) -> Outcome | None:
        """What a resumed batch finds: how the call ended, or `StillRunning` for an effect that was cut off.

        None where the call is to be made as if anew, as one that was only stopped.
        """
        match self.state:
            case CallState.CANCELLED:
                return None
            case CallState.READY:
                return _under_way(self)
            case CallState.RUNNING:
                return _under_way(self) if self.decided else StillRunning(call_id=self.call_id)
            case _:
                return self.outcome


WAITING = frozenset({CallState.PROPOSED, CallState.AWAITING_APPROVAL})
"""The states in which somebody must decide."""

HOLDING = WAITING | {CallState.READY, CallState.RUNNING, CallState.DONE, CallState.UNKNOWN}
"""The states in which a call holds its idempotency key; one that failed or was refused has let go of it."""


class Ledger(Protocol):
    """Where calls are recorded. Every method is durable when it returns."""

    async def recall(self, call_ids: Sequence[CallId]) -> Mapping[CallId, Outcome]:
        """Return how those calls stand that an earlier run of the same batch has begun: see `Entry.standing`."""
        ...

    async def passed(self, call: ToolCall) -> bool:
        """Return whether the same effect, under the call's key, has passed every gate before. See `passed_states`."""
        ...

    async def intend(self, call: ToolCall, *, cleared: bool = False) -> Outcome | None:
        """Record that an effect is about to run; return None to let it run, or the outcome that it already has.

        `cleared` says that an earlier attempt whose outcome was unknown is known not to have happened.
        """
        ...

    async def propose(self, call: ToolCall, ask: Ask, of: Literal["approval", "confirmation"]) -> Outcome:
        """Record that the effect waits for a decision; return `Pending`, or the outcome that it already has."""
        ...

    async def record(self, call: ToolCall, result: CallResult, *, news: bool = False) -> None:
        """Record how the call ended; as `news`, the conversation is told of it at its next turn."""
        ...

    async def settle(self, call_id: CallId, outcome: Outcome) -> None:
        """Record what became of an earlier call whose outcome was unknown."""
        ...

    async def undo(self, key: str, *, by: CallId) -> None:
        """Record that the done call with this key was undone by another call: the key is free again."""
        ...

    async def untrusted_texts(self, thread_id: str) -> Sequence[UntrustedText]:
        """Return the results on this thread that nobody vouches for."""
        ...


def passed_states(call: ToolCall) -> frozenset[CallState]:
    """Return the states of an equal call that make this one no new effect: it gives a result, or is tried again."""
    return frozenset({CallState.DONE, CallState.UNKNOWN} if call.effect.repeatable else {CallState.DONE})


def verdict(call: ToolCall, own: Entry | None, other: Entry | None, *, cleared: bool = False) -> Outcome | None:
    """Return the outcome that the ledger settles for `call`, or None when the call may run.

    `own` is the entry with the call's own id, `other` the one that holds its key beside it.
    """
    if call.decided:
        return _verdict_on_decided(call, own)
    holding = [entry for entry in (own, other) if entry and entry.state in HOLDING]
    known = [entry for entry in holding if entry.state is not CallState.UNKNOWN]
    earlier = next(iter(known or holding), None)
    if earlier is None:
        return None
    if earlier.fingerprint != call.fingerprint:
        message = f"key {call.key!r} was already used by call {earlier.call_id} with other arguments; nothing was done"
        return Failed(kind=FailureKind.REJECTED, message=message)
    return _verdict_on_same(call, earlier, cleared=cleared)


def _verdict_on_decided(call: ToolCall, own: Entry | None) -> Outcome | None:
    if own and own.state is CallState.READY:
        return None
    said = f"call {call.call_id} is {own.state.value if own else 'not known'}, and not ready to run"
    return (own and own.outcome) or Failed(kind=FailureKind.REJECTED, message=said)


def _verdict_on_same(call: ToolCall, earlier: Entry, *, cleared: bool) -> Outcome | None:
    match earlier.state:
        case CallState.DONE if isinstance(earlier.outcome, Done):
            return replace(earlier.outcome, replayed=True)
        case CallState.PROPOSED | CallState.AWAITING_APPROVAL | CallState.READY:
            return earlier.outcome or _under_way(earlier)
        case CallState.RUNNING if earlier.decided and earlier.call_id == call.call_id:
            return _under_way(earlier)
        case CallState.RUNNING if earlier.call_id != call.call_id:
            message = f"another call with key {call.key!r} is running ({earlier.call_id}); ask again later"
            return Failed(kind=FailureKind.RETRYABLE, message=message)
        case CallState.RUNNING | CallState.UNKNOWN:
            return None if cleared or call.effect.repeatable else _may_have_happened(call, earlier)
        case _:
            return None


def _under_way(entry: Entry) -> Pending:
    return Pending(call_id=entry.call_id, reason="decided, and about to run")


def _may_have_happened(call: ToolCall, earlier: Entry) -> Unknown:
    message = f"call {earlier.call_id} was interrupted and may have taken effect; a person must look"
    return Unknown(message=message, call_id=None if earlier.call_id == call.call_id else earlier.call_id)
