"""Batches: the tool calls that one message asked for, and what it saved to run them side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trunkline.runtime.tracing.span import Span, SpanKind

_VISIBLE = 0.05
"""The part of the time one by one that must be saved before a batch is said to have run side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Two or more calls that were asked for together."""

    id: str
    calls: Sequence[Span]
    """In the order in which they started."""

    @property
    def seconds(self) -> float:
        """From the start of the first call to the end of the last."""
        first = min(call.started_at for call in self.calls)
        return (max(call.ended_at for call in self.calls) - first).total_seconds()

    @property
    def one_by_one(self) -> float:
        """How long the calls would have run one after another."""
        return sum(call.seconds for call in self.calls)

    @property
    def saved(self) -> float:
        """The seconds that running side by side saved; zero where the calls had to follow one another."""
        return max(0.0, self.one_by_one - self.seconds)

    @property
    def side_by_side(self) -> bool:
        """Whether it saved time that one can see."""
        return self.saved > _VISIBLE * self.one_by_one


def batches(spans: Iterable[Span]) -> list[Batch]:
    """Return the batches among the spans of a run, earliest first. A single call is no batch."""
    calls: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda span: (span.started_at, span.id)):
        if span.kind is SpanKind.TOOL and "batch" in span.attributes:
            calls.setdefault(str(span.attributes["batch"]), []).append(span)
    return [Batch(id=name, calls=tuple(group)) for name, group in calls.items() if len(group) > 1]
