"""Everything about one call, a line a fact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.text import Text

from trunkline.runtime.calls.record import CallRecord, DecisionRecord
from trunkline.runtime.cli.call_words import ending_text, json_text, untrusted_text
from trunkline.runtime.cli.figures import one_line
from trunkline.runtime.cli.standing import standing_of_call
from trunkline.tools.call import CallState
from trunkline.tools.outcome import Done

Fact = tuple[str, str]
"""What it is about, and what is so. Facts that are empty are left out."""


def call_sheet(record: CallRecord, decisions: Sequence[DecisionRecord]) -> Text:
    """Return the call as text; long values are left whole, to be copied."""
    standing = standing_of_call(record.state)
    sheet = Text.assemble((record.call_id, "bold"), " ", (f"{standing.sign} {standing.word}", standing.style))
    told = [(name, one_line(value)) for name, value in _facts(record, decisions) if value]
    indent = max(len(name) for name, _ in told) + 2
    for name, value in told:
        sheet.append(f"\n  {name:<{indent}}", style="bright_black").append(value)
    return sheet


def _facts(record: CallRecord, decisions: Sequence[DecisionRecord]) -> Iterator[Fact]:
    yield "tool", f"{record.tool} ({record.effect.value}) from {record.home}"
    for name, value in record.arguments.items():
        yield f"  {name}", json_text(value)
    yield "untrusted", untrusted_text(record)
    yield "key", record.key or ""
    yield "undoes", record.undoes or ""
    yield "thread", record.thread_id
    yield "run", record.run_id
    yield "tenant", record.tenant
    yield "grants", ", ".join(f"{name}:{level}" for name, level in record.grants.items())
    yield "reason", record.reason or ""
    yield "asked", _time(record.asked_at)
    yield "deadline", _time(record.expires_at)
    yield "agreed", _agreed(record)
    for decision in decisions:
        yield "decision", _decision(decision)
    yield "started", _time(record.started_at)
    yield "attempts", str(record.attempts or "")
    yield "recorded", _time(record.recorded_at)
    yield "result" if isinstance(record.outcome, Done) else "error", ending_text(record.outcome)


def _agreed(record: CallRecord) -> str:
    if record.asked_at is None:
        return ""
    if record.state is CallState.PROPOSED:
        return "the customer must confirm first"
    customer = "; the customer has confirmed" if record.confirmed else ""
    by = f": {', '.join(record.agreed)}" if record.agreed else ""
    return f"{len(record.agreed)} of {record.people}{by}{customer}"


def _decision(decision: DecisionRecord) -> str:
    told = [f"{_time(decision.at)} {decision.verdict} by {decision.by}"]
    if decision.reason:
        told.append(f"reason: {decision.reason}")
    if decision.note:
        told.append(f"note: {decision.note}")
    if decision.arguments is not None:
        told.append(f"arguments before: {json_text(decision.arguments)}")
    return "; ".join(told)


def _time(at: datetime | None) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}" if at else ""
