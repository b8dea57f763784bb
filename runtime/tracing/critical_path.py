"""The critical path of a run: the chain of spans that determined when the run ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from trunkline.runtime.tracing.span import Span, SpanKind
from trunkline.runtime.tracing.tree import SpanTree

_NOTICED = timedelta(milliseconds=1)
"""A shorter wait is the pace of the event loop, not a wait for another call."""

_HANDOVER = timedelta(milliseconds=50)
"""How long after its slot went to the next call a call may end: its result is put on record in between."""


class Share(StrEnum):
    """What the time on the path went to."""

    MODEL = "model"
    TOOLS = "tools"
    STEPS = "steps"
    """Steps that call neither a model nor a tool."""

    OTHER = "other"
    """The engine between them: state, checkpoints, waiting for others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of the path."""

    span: Span | None
    """The deepest span that the path goes through here, or None between spans."""

    share: Share
    started_at: datetime
    ended_at: datetime

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalPath:
    """The path from a run's beginning to its end, earliest segment first, without a gap or an overlap."""

    segments: Sequence[Segment]

    @property
    def seconds(self) -> float:
        """How long it is: as long as the run."""
        return sum(segment.seconds for segment in self.segments)

    @property
    def span_ids(self) -> frozenset[str]:
        """The model calls, tool calls and steps that a faster run would have to make faster."""
        counted = (segment for segment in self.segments if segment.share is not Share.OTHER)
        return frozenset(segment.span.id for segment in counted if segment.span)

    @property
    def composition(self) -> Mapping[Share, float]:
        """The seconds that each share has, for those that have any."""
        seconds: dict[Share, float] = {}
        for share in Share:
            parts = [segment.seconds for segment in self.segments if segment.share is share]
            if parts:
                seconds[share] = sum(parts)
        return seconds


def asked_at(span: Span) -> datetime:
    """Return when a call was asked for: it waited from then to its start."""
    return span.started_at - timedelta(seconds=float(span.attributes.get("waited") or 0.0))


def critical_path(tree: SpanTree) -> CriticalPath:
    """Return the critical path: from the end back, always to the span that ended last before the current one started.

    A span with others below it is gone through in the same way, so parallel branches are never mixed. A call that
    waited is preceded by the one that it most likely waited for: the one that ended next to its start.
    """
    if not tree.roots:
        return CriticalPath(segments=())
    began = min(span.started_at for span in tree.roots)
    ended = max(span.ended_at for span in tree.roots)
    return CriticalPath(segments=tuple(_backward(tree, None, began, ended))[::-1])


def _backward(tree: SpanTree, span: Span | None, began: datetime, ended: datetime) -> Iterator[Segment]:
    siblings = tree.children(span) if span else tree.roots
    below = [each for each in siblings if each.started_at <= each.ended_at]  # a clock may have been set back
    share = _share(tree, span)
    now = ended
    current = max((each for each in below if each.started_at < now), key=_by_end, default=None)
    while current and began < now and began < current.ended_at:
        until = min(current.ended_at, now)
        if until < now:
            yield Segment(span=span, share=share, started_at=until, ended_at=now)
        now = max(current.started_at, began)
        yield from _backward(tree, current, now, until)
        current = _before(current, below)
    if began < now:
        yield Segment(span=span, share=share, started_at=began, ended_at=now)


def _before(span: Span, siblings: Sequence[Span]) -> Span | None:
    earlier = [each for each in siblings if each.started_at < span.started_at]
    asked = asked_at(span)
    if span.started_at - asked >= _NOTICED:
        latest = span.started_at + _HANDOVER
        freed = [each for each in earlier if asked < each.ended_at <= latest]
        if freed:
            return min(freed, key=lambda each: abs(each.ended_at - span.started_at))
    return max((each for each in earlier if each.ended_at <= span.started_at), key=_by_end, default=None)


def _by_end(span: Span) -> tuple[datetime, str]:
    return span.ended_at, span.id


def _share(tree: SpanTree, span: Span | None) -> Share:
    match span.kind if span else None:
        case SpanKind.MODEL:
            return Share.MODEL
        case SpanKind.TOOL:
            return Share.TOOLS
        case SpanKind.STEP if span and tree.is_leaf(span):
            return Share.STEPS
        case _:
            return Share.OTHER
