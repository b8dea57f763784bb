"""What a run took in all: time, calls, tokens, money."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trunkline.runtime.tracing.span import Span, SpanKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The sums over the spans of a run."""

    seconds: float
    """From the first start to the last end."""

    model_calls: int
    tool_calls: int
    tool_seconds: float
    """The tool calls' seconds added up, as if they had run one by one."""

    reported: int
    """Model calls that reported their tokens; those of the others are not in the sums."""

    input_tokens: int
    output_tokens: int
    micro_usd: int | None
    """None: no model call has a known price."""

    unpriced: int
    """Model calls whose price is not known; they are not in `micro_usd`."""


def totals(spans: Sequence[Span]) -> Totals:
    """Return the sums over the spans of one run."""
    models = [span for span in spans if span.kind is SpanKind.MODEL]
    tools = [span for span in spans if span.kind is SpanKind.TOOL]
    return Totals(
        seconds=_wall(spans),
        model_calls=len(models),
        tool_calls=len(tools),
        tool_seconds=sum(span.seconds for span in tools),
        reported=sum(span.attributes.get("input_tokens") is not None for span in models),
        input_tokens=_sum(models, "input_tokens") or 0,
        output_tokens=_sum(models, "output_tokens") or 0,
        micro_usd=_sum(models, "micro_usd"),
        unpriced=sum(span.attributes.get("micro_usd") is None for span in models),
    )


def _wall(spans: Sequence[Span]) -> float:
    if not spans:
        return 0.0
    first = min(span.started_at for span in spans)
    return (max(span.ended_at for span in spans) - first).total_seconds()


def _sum(spans: Iterable[Span], attribute: str) -> int | None:
    known = [span.attributes[attribute] for span in spans if span.attributes.get(attribute) is not None]
    return sum(known) if known else None
