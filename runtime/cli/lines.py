"""What a waterfall says about each span, before it is laid out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from trunkline.runtime.cli.figures import count_text, dollars_text, one_line, seconds_text
from trunkline.runtime.cli.standing import Standing, standing_of, trouble
from trunkline.runtime.tracing.critical_path import CriticalPath, asked_at
from trunkline.runtime.tracing.span import Span, SpanKind, SpanStatus
from trunkline.runtime.tracing.tree import Branch, SpanTree

_NOTABLE_WAIT = 0.01
"""Seconds; a shorter wait is not worth a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One span in words and figures."""

    name: str
    """Indented by the span's depth in the tree."""

    standing: Standing
    style: str
    """The colour of its bar."""

    asked_at: datetime
    """When it began to wait; nothing but tool calls does."""

    started_at: datetime
    ended_at: datetime
    took: str
    detail: str
    holds_others: bool
    """Whether its time is that of the spans below it."""

    on_path: bool
    """Whether the critical path goes through it, and not only through spans below it."""


def lines(tree: SpanTree, branches: Sequence[Branch], path: CriticalPath) -> list[Line]:
    """Return a line for each branch."""
    on_path = path.span_ids
    return [_line(tree, branch, on_path=branch.span.id in on_path) for branch in branches]


def trouble_told_here(tree: SpanTree, span: Span) -> str | None:
    """Return what went wrong, unless a span below says the same: an error is told where it began."""
    said = trouble(span)
    return None if said in [trouble(below) for below in tree.children(span)] else said


def _line(tree: SpanTree, branch: Branch, *, on_path: bool) -> Line:
    span = branch.span
    return Line(
        name=f"{'  ' * branch.depth}{one_line(span.name)}",
        standing=standing_of(span),
        style=_style(span),
        asked_at=asked_at(span),
        started_at=span.started_at,
        ended_at=span.ended_at,
        took=seconds_text(span.seconds),
        detail=_detail(span, trouble_told_here(tree, span)),
        holds_others=span.kind in {SpanKind.RUN, SpanKind.STEP} and not tree.is_leaf(span),
        on_path=on_path,
    )


def _detail(span: Span, said: str | None) -> str:
    word = standing_of(span).word
    if said:
        return f"{word}: {said}"
    match span.kind:
        case SpanKind.MODEL if span.status is SpanStatus.OK:
            return f"{_tokens(span)} {dollars_text(span.attributes.get('micro_usd'))}"
        case SpanKind.TOOL:
            parts = [word, str(span.attributes.get("effect", "")), _wait(span)]
            return ", ".join(part for part in parts if part)
        case _:
            return word


def _tokens(span: Span) -> str:
    read, written = span.attributes.get("input_tokens"), span.attributes.get("output_tokens")
    if read is None or written is None:
        return "tokens unknown"
    return f"{count_text(read)}→{count_text(written)} tokens"


def _wait(span: Span) -> str:
    waited = (span.started_at - asked_at(span)).total_seconds()
    return f"waited {seconds_text(waited)}" if waited >= _NOTABLE_WAIT else ""


def _style(span: Span) -> str:
    if span.status is not SpanStatus.OK or standing_of(span).word == "waiting for approval":
        return standing_of(span).style
    match span.kind:
        case SpanKind.MODEL:
            return "cyan"
        case SpanKind.TOOL if span.attributes.get("effect") != "read":
            return "yellow"
        case _:
            return "blue"
