"""Runs as values, and the rows that keep them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.sealed import closed_text, run_place, shown_text
from trunkline.runtime.storage.texts import shortened

TEXTS = ("asked", "answer", "error")
"""The columns that hold what somebody said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One turn of work on a thread."""

    id: str
    thread_id: str
    tenant: str
    graph: str
    status: RunStatus
    trace_id: str
    asked: str | None
    answer: str | None = None
    error: str | None = None
    started_at: datetime
    """When it began; for one that has not, when it was queued."""

    ended_at: datetime | None = None
    queued_at: datetime | None = None
    """None: it was never queued."""

    queue: str | None = None
    priority: int = 0
    attempt: int = 0
    """How many attempts have failed."""

    crashes: int = 0
    """How many workers died with it."""

    @property
    def thread(self) -> str:
        """The thread's name as its tenant writes it."""
        return self.thread_id.removeprefix(f"{self.tenant}/") if self.tenant else self.thread_id

    @property
    def seconds(self) -> float | None:
        """How long it took, or None while it runs."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None


def row_of(run: Run, seal: Seal) -> dict[str, Any]:
    """Return the columns of a run that begins at once."""
    return {
        "id": run.id,
        "thread_id": run.thread_id,
        "tenant": run.tenant,
        "graph": run.graph,
        "status": run.status.value,
        "trace_id": run.trace_id,
        "asked": said(seal, run.thread_id, run.id, "asked", shortened(run.asked)),
        "started_at": run.started_at,
    }


def run_of(row: Any, seal: Seal) -> Run:
    """Return the run that a row keeps."""
    asked, answer, error = (
        shown_text(seal, getattr(row, column), run_place(row.thread_id, row.id, column)) for column in TEXTS
    )
    return Run(
        id=row.id,
        thread_id=row.thread_id,
        tenant=row.tenant,
        graph=row.graph,
        status=RunStatus(row.status),
        trace_id=row.trace_id,
        asked=asked,
        answer=answer,
        error=error,
        started_at=row.started_at,
        ended_at=row.ended_at,
        queued_at=row.queued_at,
        queue=row.queue,
        priority=row.priority,
        attempt=row.attempt,
        crashes=row.crashes,
    )


def said(seal: Seal, thread_id: str, run_id: str, column: str, text: str | None) -> str | None:
    """Return what is stored of a text that somebody said."""
    return None if text is None else closed_text(seal, text, run_place(thread_id, run_id, column))
