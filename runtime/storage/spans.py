"""Spans and spend in the database: Trunkline's own record of every trace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from threading import get_ident
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from trunkline.runtime.money.spend import Spend
from trunkline.runtime.storage.tables import RunRow, SpanRow, SpendRow
from trunkline.runtime.storage.writer import Writer
from trunkline.runtime.tracing.span import Span, SpanKind, SpanStatus

log = logging.getLogger("trunkline.tracing")

_INSERT_SPAN = insert(SpanRow)
_INSERT_SPEND = insert(SpendRow)


class SpanStore:
    """Keeps spans and spend. Adding one costs no waiting: it goes with the next commit."""

    def __init__(self, *, engine: AsyncEngine, writer: Writer) -> None:
        self._engine = engine
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._thread = get_ident()

    def add(self, spans: Sequence[Span], spend: Sequence[Spend] = ()) -> None:
        """Put spans and spend into the next commit. May be called in any thread: models are called in threads too."""
        if get_ident() == self._thread:
            self._post(spans, spend)
        else:
            self._loop.call_soon_threadsafe(self._post, spans, spend)

    async def of_run(self, run_id: str) -> list[Span]:
        """Return the spans of a run, earliest first."""
        wanted = select(SpanRow.__table__).where(SpanRow.run_id == run_id).order_by(SpanRow.started_at, SpanRow.id)
        async with self._engine.connect() as connection:
            return [_span(row) for row in await connection.execute(wanted)]

    async def of_tenant(self, tenant: str) -> Mapping[str, list[Span]]:
        """Return the spans of all runs of a tenant, by run."""
        wanted = (
            select(SpanRow.__table__)
            .join(RunRow, RunRow.id == SpanRow.run_id)
            .where(RunRow.tenant == tenant)
            .order_by(SpanRow.started_at, SpanRow.id)
        )
        spans: dict[str, list[Span]] = {}
        async with self._engine.connect() as connection:
            for row in await connection.execute(wanted):
                spans.setdefault(row.run_id, []).append(_span(row))
        return spans

    def _post(self, spans: Sequence[Span], spend: Sequence[Spend]) -> None:
        for span in spans:
            self._writer.post(_INSERT_SPAN, _row(span), urgent=False).add_done_callback(_report)
        for item in spend:
            self._writer.post(_INSERT_SPEND, asdict(item), urgent=False).add_done_callback(_report)


def _row(span: Span) -> dict[str, Any]:
    return {field.name: getattr(span, field.name) for field in fields(span)}


def _report(written: asyncio.Future[None]) -> None:
    if not written.cancelled() and (error := written.exception()):
        log.error("spans.lost", exc_info=error)


def _span(row: Any) -> Span:
    return Span(
        id=row.id,
        run_id=row.run_id,
        parent_id=row.parent_id,
        name=row.name,
        kind=SpanKind(row.kind),
        status=SpanStatus(row.status),
        error=row.error,
        started_at=row.started_at,
        ended_at=row.ended_at,
        attributes=row.attributes,
    )
