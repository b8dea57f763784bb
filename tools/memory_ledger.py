"""A ledger that needs no database: for plain LangGraph programs and for tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from trunkline.tools.approval import Ask
from trunkline.tools.call import CallId, CallResult, CallState, ToolCall, state_of
from trunkline.tools.ledger import HOLDING, Entry, passed_states, verdict
from trunkline.tools.outcome import Done, Outcome, Pending, Unknown
from trunkline.tools.trust import UntrustedText, text_of


class MemoryLedger:
    """A ledger that lasts as long as the process. See `trunkline.tools.ledger.Ledger`."""

    def __init__(self) -> None:
        self._entries: dict[CallId, Entry] = {}
        self._by_key: dict[str, list[CallId]] = {}
        """Newest last."""

        self._untrusted: defaultdict[str, list[UntrustedText]] = defaultdict(list)

    async def recall(self, call_ids: Sequence[CallId]) -> Mapping[CallId, Outcome]:
        """Return how those calls stand that an earlier run has begun."""
        found = {call_id: self._entries[call_id].standing for call_id in call_ids if call_id in self._entries}
        return {call_id: standing for call_id, standing in found.items() if standing}

    async def passed(self, call: ToolCall) -> bool:
        """Return whether the same effect, under the call's key, has passed every gate before."""
        same = (entry for entry in self._under_key(call) if entry.fingerprint == call.fingerprint)
        return any(entry.state in passed_states(call) for entry in same)

    async def intend(self, call: ToolCall, *, cleared: bool = False) -> Outcome | None:
        """Record the intent, unless an earlier call with the same id or key settles it."""
        settled = verdict(call, self._entries.get(call.call_id), self._other(call), cleared=cleared)
        if settled is None:
            self._put(call, CallState.RUNNING, None)
        elif isinstance(settled, Unknown) and settled.call_id is None:
            self._put(call, CallState.UNKNOWN, settled)
        return settled

    async def propose(self, call: ToolCall, ask: Ask, of: Literal["approval", "confirmation"]) -> Outcome:
        """Record the proposal, unless an earlier call with the same id or key settles it."""
        settled = verdict(call, self._entries.get(call.call_id), self._other(call))
        if settled is None:
            settled = Pending(call_id=call.call_id, reason=ask.reason, of=of)
            self._put(call, state_of(settled), settled)
        return settled

    async def record(self, call: ToolCall, result: CallResult, *, news: bool = False) -> None:
        """Record how the call ended. A done effect also settles the unknown ones under its key."""
        del news  # there is no later turn to tell
        self._put(call, state_of(result.outcome), result.outcome)
        if isinstance(result.outcome, Done):
            if call.tool.untrusted:
                text = UntrustedText(tool=call.tool.name, text=text_of(result.outcome.output))
                self._untrusted[call.origin.thread_id].append(text)
            for entry in self._under_key(call):
                if entry.state is CallState.UNKNOWN:
                    self._entries[entry.call_id] = replace(entry, state=CallState.FAILED, outcome=None)

    async def settle(self, call_id: CallId, outcome: Outcome) -> None:
        """Record what became of an earlier call."""
        self._entries[call_id] = replace(self._entries[call_id], state=state_of(outcome), outcome=outcome)

    async def undo(self, key: str, *, by: CallId) -> None:
        """Record that the done call with this key was undone."""
        del by
        for entry in [self._entries[other] for other in self._by_key.get(key, ())]:
            if entry.state is CallState.DONE:
                self._entries[entry.call_id] = replace(entry, state=CallState.UNDONE)

    async def untrusted_texts(self, thread_id: str) -> Sequence[UntrustedText]:
        """Return the results on this thread that nobody vouches for."""
        return self._untrusted.get(thread_id, ())

    def _other(self, call: ToolCall) -> Entry | None:
        live = [entry for entry in self._under_key(call) if entry.state in HOLDING]
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
