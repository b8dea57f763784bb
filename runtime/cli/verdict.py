"""The verdict on a day: what was promised, held to what the company's systems really did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trunkline.examples.call_center.backend import Effect
from trunkline.examples.call_center.canonical import canonical_json
from trunkline.examples.call_center.shift import Served
from trunkline.runtime.calls.record import CallRecord
from trunkline.runtime.queue.status import RunStatus
from trunkline.tools.call import CallState

_OPEN = (RunStatus.QUEUED, RunStatus.RUNNING)
_MAY_HAVE_HAPPENED = {CallState.DONE, CallState.UNKNOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is on record after a day, here and at the company's systems."""

    served: Sequence[Served]
    accepted: Iterable[str]
    """The ids of the runs that were accepted, once for each delivery."""

    runs: Mapping[RunStatus, int]
    calls: Sequence[CallRecord]
    effects: Sequence[Effect]
    refused: int
    struck: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a day."""

    figures: Mapping[str, Any]
    unknown: Sequence[str]
    """The calls of which the ledger does not know whether they took effect, with what the systems say."""

    broken: Sequence[str]
    """The promises that were not kept."""


def verdict(evidence: Evidence) -> Verdict:
    """Hold the ledger to the systems' own record, and the runs to what was accepted."""
    accepted = Counter(evidence.accepted)
    done = Counter(_identity(effect.key, effect.operation, effect.arguments) for effect in evidence.effects)
    writes = [call for call in evidence.calls if not call.effect.is_read]
    unknown = [call for call in writes if call.state is CallState.UNKNOWN]
    figures = {
        "contacts": len(evidence.served),
        "contacts_noted_in_crm": sum(served.noted for served in evidence.served),
        "deliveries": accepted.total(),
        "runs_accepted": len(accepted),
        "runs_finished": sum(count for status, count in evidence.runs.items() if status.over),
        "runs_waiting": evidence.runs.get(RunStatus.WAITING, 0),
        "effects": len(evidence.effects),
        "effects_done_twice": sum(count > 1 for count in done.values()),
        "calls_unknown": len(unknown),
        "stale_writes_refused": evidence.refused,
        "strikes": dict(evidence.struck),
    }
    return Verdict(
        figures=figures,
        unknown=[f"{call.call_id} {call.tool}: the systems {_said(done[_of(call)])}" for call in unknown],
        broken=[*_broken_runs(evidence, len(accepted)), *_broken_effects(writes, done)],
    )


def _broken_runs(evidence: Evidence, accepted: int) -> Iterable[str]:
    total = sum(evidence.runs.values())
    if total != accepted:
        yield f"{accepted} runs were accepted and {total} are on record"
    for status in (*_OPEN, RunStatus.FAILED, RunStatus.DEAD, RunStatus.CANCELLED):
        if count := evidence.runs.get(status, 0):
            yield f"{count} runs are {status.value}"
    for served in evidence.served:
        if served.failure:
            yield f"contact {served.contact.id} was not served: {served.failure}"


def _broken_effects(writes: Sequence[CallRecord], done: Counter[str]) -> Iterable[str]:
    """What the systems did twice, what the ledger does not know of, and what is on the ledger and was not done."""
    known = {_of(call) for call in writes if call.state in _MAY_HAVE_HAPPENED}
    for identity, count in done.items():
        if count > 1:
            yield f"done {count} times: {identity}"
        if identity not in known:
            yield f"done, and not on the ledger as done or unknown: {identity}"
    for call in writes:
        if call.state is CallState.DONE and not done[_of(call)]:
            yield f"done by the ledger, and not by the systems: {_of(call)}"
        if call.state is CallState.RUNNING:
            yield f"still running: {_of(call)}"


_KEYLESS = {"issue_goodwill", "send_message"}
"""Their systems know no keys: an effect is what it was asked with."""


def _of(call: CallRecord) -> str:
    return _identity(None if call.tool in _KEYLESS else call.key, call.tool, call.arguments)


def _identity(key: str | None, operation: str, arguments: Mapping[str, object]) -> str:
    given = {name: value for name, value in arguments.items() if value is not None}
    return f"{operation} {key or canonical_json(given)}"


def _said(count: int) -> str:
    return "did it" if count else "did not do it"
