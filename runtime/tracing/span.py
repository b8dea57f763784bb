"""A span: one step, model call or tool call of a run, with its beginning and end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class SpanKind(StrEnum):
    """What a span measures."""

    RUN = "run"
    STEP = "step"
    MODEL = "model"
    TOOL = "tool"


class SpanStatus(StrEnum):
    """How it ended."""

    OK = "ok"
    ERROR = "error"
    CANCELLED = "cancelled"
    WAITING = "waiting"
    """Stopped at a LangGraph interrupt; what comes after the answer is another run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span that has ended."""

    id: str
    run_id: str
    parent_id: str | None
    name: str
    kind: SpanKind
    status: SpanStatus
    error: str | None
    started_at: datetime
    ended_at: datetime
    attributes: Mapping[str, Any]
    """A model's: model, input_tokens, cached_tokens, output_tokens, micro_usd. A tool's: call_id, batch, effect, waited
    (seconds before it ran), outcome."""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended_at - self.started_at).total_seconds()
