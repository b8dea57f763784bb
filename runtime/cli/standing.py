"""How a run, a call or a span stands, as a sign, a word and a style: never by the colour alone."""

from __future__ import annotations

import json
from dataclasses import dataclass

from trunkline.runtime.cli.figures import one_line
from trunkline.runtime.tracing.span import Span, SpanStatus
from trunkline.tools.call import CallState
from trunkline.tools.outcome import FailureKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A sign of one cell, a word for those who do not know the sign, and a colour for those who see it."""

    sign: str
    word: str
    style: str


_RUNS = {
    "running": Standing(sign="▸", word="running", style="cyan"),
    "succeeded": Standing(sign="✓", word="succeeded", style="green"),
    "waiting": Standing(sign="…", word="waiting", style="yellow"),
    "failed": Standing(sign="✗", word="failed", style="red"),
    "cancelled": Standing(sign="⊘", word="cancelled", style="bright_black"),
    "queued": Standing(sign="…", word="queued", style="cyan"),
    "dead": Standing(sign="✗", word="dead", style="red"),
}
_DONE = Standing(sign="✓", word="", style="green")
_REPLAYED = Standing(sign="✓", word="replayed", style="green")
_FAILED = _RUNS["failed"]
_CANCELLED = _RUNS["cancelled"]
_UNKNOWN = Standing(sign="?", word="outcome unknown", style="red")
_PENDING = Standing(sign="…", word="waiting for approval", style="yellow")
_INTERRUPTED = Standing(sign="…", word="waiting for an answer", style="yellow")
_CALLS = {
    CallState.PROPOSED: ("…", "yellow"),
    CallState.AWAITING_APPROVAL: ("…", "yellow"),
    CallState.READY: ("▸", "cyan"),
    CallState.RUNNING: ("▸", "cyan"),
    CallState.DONE: ("✓", "green"),
    CallState.FAILED: ("✗", "red"),
    CallState.DENIED: ("✗", "red"),
    CallState.REJECTED: ("✗", "red"),
    CallState.EXPIRED: ("⊘", "bright_black"),
    CallState.WITHDRAWN: ("⊘", "bright_black"),
    CallState.CANCELLED: ("⊘", "bright_black"),
    CallState.UNKNOWN: ("?", "red"),
    CallState.UNDONE: ("⊘", "bright_black"),
}


def standing_of_call(state: CallState) -> Standing:
    """Return how a call in this state stands; its word is that of the state."""
    sign, style = _CALLS[state]
    return Standing(sign=sign, word=state.value, style=style)


def standing_of_run(status: str) -> Standing:
    """Return how a run with this status stands."""
    return _RUNS[status]


def standing_of(span: Span) -> Standing:
    """Return how a span stands. What is as expected has no word."""
    match span.status:
        case SpanStatus.CANCELLED:
            return _CANCELLED
        case SpanStatus.WAITING:
            return _INTERRUPTED
        case SpanStatus.ERROR:
            return _UNKNOWN if _said(span)[0] == "unknown" else _FAILED
        case SpanStatus.OK:
            return {"replayed": _REPLAYED, "pending": _PENDING}.get(span.attributes.get("outcome", ""), _DONE)


def trouble(span: Span) -> str | None:
    """Return what went wrong in one line, or None where nothing did."""
    if span.status is not SpanStatus.ERROR:
        return None
    kind, message = _said(span)
    return f"{message} ({kind})" if kind in set(FailureKind) else message


def _said(span: Span) -> tuple[str | None, str]:
    """Return the kind and the message of an error: a tool call's is the JSON that the model reads."""
    error = span.error or "no reason was given"
    try:
        said = json.loads(error)
        return str(said["error"]), one_line(str(said["message"]))
    except (ValueError, KeyError, TypeError):
        return None, one_line(error)
