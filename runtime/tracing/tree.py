"""Spans as the tree that they form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trunkline.runtime.tracing.span import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A span in the tree, and how deep it hangs; a root has depth 0."""

    span: Span
    depth: int


class SpanTree:
    """The spans of a run by parent, siblings in the order in which they started.

    A span whose parent is not among the spans is a root: the parents of a run that has not ended are not known yet.
    """

    def __init__(self, spans: Iterable[Span]) -> None:
        self.spans: Sequence[Span] = sorted(spans, key=lambda span: (span.started_at, span.id))
        known = {span.id for span in self.spans}
        self._children: dict[str | None, list[Span]] = {}
        for span in self.spans:
            self._children.setdefault(span.parent_id if span.parent_id in known else None, []).append(span)

    @property
    def roots(self) -> Sequence[Span]:
        """The spans without a parent."""
        return self._children.get(None, ())

    def children(self, span: Span) -> Sequence[Span]:
        """Return the spans right below this one."""
        return self._children.get(span.id, ())

    def is_leaf(self, span: Span) -> bool:
        """Whether nothing hangs below the span."""
        return span.id not in self._children

    def branches(self) -> Iterator[Branch]:
        """Yield all spans, each one before what hangs below it."""
        ahead = [Branch(span=span, depth=0) for span in reversed(self.roots)]
        while ahead:
            branch = ahead.pop()
            yield branch
            below = reversed(self.children(branch.span))
            ahead.extend(Branch(span=span, depth=branch.depth + 1) for span in below)
