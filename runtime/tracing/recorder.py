"""Turns LangChain's callbacks into spans and spend."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langgraph.errors import GraphBubbleUp

from trunkline.agents.price import Usage
from trunkline.runtime.money.meter import Meter
from trunkline.runtime.money.spend import Spend
from trunkline.runtime.storage.run_rows import Run
from trunkline.runtime.tracing.span import Span, SpanKind, SpanStatus

RUN_KEY = "trunkline_run"
"""The key under which the metadata of callbacks says which run they belong to."""


class SpanSink(Protocol):
    """Takes spans and spend as they end, from any thread, without making anybody wait."""

    def add(self, spans: list[Span], spend: list[Spend]) -> None:
        """Take them."""
        ...


@dataclass(slots=True)
class _Open:
    """A span that has begun."""

    name: str
    kind: SpanKind
    parent: UUID | None
    metadata: dict[str, Any]
    attributes: dict[str, Any] = field(default_factory=dict)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))


class SpanRecorder(BaseCallbackHandler):
    """Records the steps, model calls and tool calls of one run. Its root span has the run's trace id.

    LangChain reports more runs than a reader wants to see; those that are neither the graph, a node, a model nor a
    tool are left out, and their children hang below the nearest one that is kept. A run that a tool makes reports to
    both recorders: what is another run's is passed over.
    """

    run_inline = True  # on the event loop, in order

    def __init__(self, run: Run, *, sink: SpanSink, meter: Meter) -> None:
        self._run = run
        self._sink = sink
        self._meter = meter
        self._open: dict[UUID, _Open] = {}
        self._left_out: dict[UUID, UUID | None] = {}

    def on_chain_start(
        self,
        serialized: dict[str, Any],
        inputs: dict[str, Any],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Open the span of the run or of a node."""
        metadata = metadata or {}
        name = str(kwargs.get("name") or "")
        if str(run_id) == self._run.trace_id:
            self._begin(run_id, None, self._run.graph, SpanKind.RUN, metadata)
        elif name == metadata.get("langgraph_node"):
            self._begin(run_id, parent_run_id, name, SpanKind.STEP, metadata)
        else:
            self._left_out[run_id] = parent_run_id

    def on_chain_end(self, outputs: dict[str, Any], *, run_id: UUID, **kwargs: Any) -> None:
        """Close the span of the run or of a node."""
        self._end(run_id, SpanStatus.OK)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Close the span with the error."""
        self._fail(run_id, error)

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Open the span of a model call."""
        metadata = metadata or {}
        self._begin(run_id, parent_run_id, self._meter.name(metadata), SpanKind.MODEL, metadata)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:
        """Close the span of a model call and book what it cost."""
        span = self._open.get(run_id)
        if span is None:
            return
        usage = _usage(response)
        spend = self._spend(run_id, span, usage)
        span.attributes = {
            "model": spend.model,
            "input_tokens": spend.input_tokens,
            "cached_tokens": spend.cached_tokens,
            "output_tokens": spend.output_tokens,
            "micro_usd": spend.micro_usd,
        }
        self._end(run_id, SpanStatus.OK, spend)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Close the span of a model call and book that its usage is not known."""
        if span := self._open.get(run_id):
            self._fail(run_id, error, self._spend(run_id, span, None))

    def on_tool_start(
        self,
        serialized: dict[str, Any],
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        inputs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Open the span of a tool call."""
        name = str(kwargs.get("name") or serialized.get("name") or "tool")
        attributes = dict(kwargs.get("trunkline") or {})
        self._begin(run_id, parent_run_id, name, SpanKind.TOOL, metadata or {}, attributes)

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Close the span of a tool call."""
        self._note(run_id, kwargs)
        self._end(run_id, SpanStatus.OK)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Close the span with the error."""
        self._note(run_id, kwargs)
        self._fail(run_id, error)

    def close(self, *, cancelled: bool) -> None:
        """End what is still open: spans that a cancelled run leaves behind, and calls that go on after their turn."""
        for run_id in list(self._open):
            self._end(run_id, SpanStatus.CANCELLED if cancelled else SpanStatus.WAITING)

    def _note(self, run_id: UUID, told: dict[str, Any]) -> None:
        if span := self._open.get(run_id):
            span.attributes.update(told.get("trunkline") or {})

    def _begin(
        self,
        run_id: UUID,
        parent: UUID | None,
        name: str,
        kind: SpanKind,
        metadata: dict[str, Any],
        attributes: dict[str, Any] | None = None,
    ) -> None:
        if metadata.get(RUN_KEY) != self._run.id:
            return
        while parent is not None and parent in self._left_out:
            parent = self._left_out[parent]
        self._open[run_id] = _Open(name=name, kind=kind, parent=parent, metadata=metadata, attributes=attributes or {})

    def _fail(self, run_id: UUID, error: BaseException, *spend: Spend) -> None:
        match error:
            case asyncio.CancelledError():
                self._end(run_id, SpanStatus.CANCELLED, *spend)
            case GraphBubbleUp():
                self._end(run_id, SpanStatus.WAITING, *spend)
            case _:
                self._end(run_id, SpanStatus.ERROR, *spend, error=str(error) or type(error).__name__)

    def _end(self, run_id: UUID, status: SpanStatus, *spend: Spend, error: str | None = None) -> None:
        span = self._open.pop(run_id, None)
        if span is None:
            return
        ended = Span(
            id=str(run_id),
            run_id=self._run.id,
            parent_id=str(span.parent) if span.parent else None,
            name=span.name,
            kind=span.kind,
            status=status,
            error=error,
            started_at=span.started_at,
            ended_at=datetime.now(UTC),
            attributes=span.attributes,
        )
        self._sink.add([ended], list(spend))

    def _spend(self, run_id: UUID, span: _Open, usage: Usage | None) -> Spend:
        now = datetime.now(UTC)
        return Spend(
            span_id=str(run_id),
            tenant=self._run.tenant,
            run_id=self._run.id,
            thread_id=self._run.thread_id,
            model=self._meter.name(span.metadata),
            input_tokens=usage.input_tokens if usage else None,
            cached_tokens=usage.cached_tokens if usage else None,
            output_tokens=usage.output_tokens if usage else None,
            micro_usd=self._meter.cost(span.metadata, usage, now),
            at=now,
        )


def _usage(response: LLMResult) -> Usage | None:
    generation = response.generations[0][0] if response.generations and response.generations[0] else None
    message = generation.message if isinstance(generation, ChatGeneration) else None
    reported = message.usage_metadata if isinstance(message, AIMessage) else None
    if reported is None:
        return None
    return Usage(
        input_tokens=reported["input_tokens"],
        cached_tokens=reported.get("input_token_details", {}).get("cache_read") or 0,
        output_tokens=reported["output_tokens"],
    )
