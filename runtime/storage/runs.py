"""Runs in the database: how each stands, and what it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.errors import ForeignThreadError
from trunkline.runtime.storage.tables import CallRow, RunRow, SpendRow, ThreadRow
from trunkline.runtime.storage.upsert import upsert
from trunkline.runtime.storage.writer import Writer

_SHOWN = 200
"""Characters of what was asked and answered that a run's row keeps, for lists."""

_INSERT_RUN = insert(RunRow)


class RunStatus(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    WAITING = "waiting"
    """Stopped at a LangGraph interrupt, until somebody resumes the thread."""

    FAILED = "failed"
    CANCELLED = "cancelled"


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
    answer: str | None
    error: str | None
    started_at: datetime
    ended_at: datetime | None

    @property
    def seconds(self) -> float | None:
        """How long it took, or None while it runs."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run with what it took."""

    run: Run
    calls: int
    failed_calls: int
    tokens: int
    micro_usd: int | None
    """None: no model call of the run has a known price."""


class RunStore:
    """Keeps the rows of runs and threads."""

    def __init__(self, *, engine: AsyncEngine, writer: Writer) -> None:
        self._engine = engine
        self._writer = writer
        self._open_thread = upsert(engine.dialect, ThreadRow)

    async def start(self, run: Run) -> bool:
        """Record a run that is about to start, and its thread if that is new.

        Return whether the thread's last run ended well, or there was none. Raises `ForeignThreadError` when the thread
        is another tenant's.
        """
        last = (
            select(RunRow.status).where(RunRow.thread_id == run.thread_id).order_by(RunRow.started_at.desc()).limit(1)
        )
        owner = select(ThreadRow.tenant).where(ThreadRow.id == run.thread_id)

        async def work(connection: AsyncConnection) -> bool:
            await connection.execute(self._open_thread, [_thread_row(run)])
            if await connection.scalar(owner) != run.tenant:
                raise ForeignThreadError(thread=run.thread_id)
            status = await connection.scalar(last)
            await connection.execute(_INSERT_RUN, [_row(run)])
            return status in {None, RunStatus.SUCCEEDED.value, RunStatus.WAITING.value}

        return await self._writer.write(work)

    async def finish(
        self, run_id: str, status: RunStatus, *, answer: str | None = None, error: str | None = None
    ) -> None:
        """Record how a run ended, after everything that was posted before."""
        changes = {"status": status.value, "answer": _short(answer), "error": error, "ended_at": datetime.now(UTC)}

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(update(RunRow).where(RunRow.id == run_id).values(**changes))

        await self._writer.write(work)

    async def find(self, beginning: str) -> Sequence[Run]:
        """Return the runs whose id begins so, newest first; `last` means the newest of all."""
        wanted = select(RunRow.__table__).order_by(RunRow.started_at.desc()).limit(2)
        if beginning == "last":
            wanted = wanted.limit(1)
        else:
            wanted = wanted.where(RunRow.id.startswith(beginning, autoescape=True))
        async with self._engine.connect() as connection:
            return [_run(row) for row in await connection.execute(wanted)]

    async def latest(self, *, limit: int, thread: str | None = None, tenant: str | None = None) -> list[RunSummary]:
        """Return the newest runs with what they took, newest first."""
        wanted = select(RunRow.__table__, *_totals()).order_by(RunRow.started_at.desc()).limit(limit)
        if thread is not None:
            wanted = wanted.where(RunRow.thread_id == thread)
        if tenant is not None:
            wanted = wanted.where(RunRow.tenant == tenant)
        async with self._engine.connect() as connection:
            return [_summary(row) for row in await connection.execute(wanted)]

    async def statuses(self, tenant: str) -> dict[RunStatus, int]:
        """Return how many runs of a tenant stand in each status."""
        wanted = select(RunRow.status, func.count().label("runs")).where(RunRow.tenant == tenant)
        async with self._engine.connect() as connection:
            rows = await connection.execute(wanted.group_by(RunRow.status))
            return {RunStatus(row.status): row.runs for row in rows}


def _totals() -> list[Any]:
    of_run = CallRow.run_id == RunRow.id
    spent = SpendRow.run_id == RunRow.id
    failed = CallRow.state.in_(["failed", "unknown"])
    columns = [
        select(func.count()).where(of_run).correlate(RunRow).scalar_subquery().label("calls"),
        select(func.count()).where(of_run, failed).correlate(RunRow).scalar_subquery().label("failed_calls"),
        select(func.sum(SpendRow.input_tokens + SpendRow.output_tokens)).where(spent).scalar_subquery().label("tokens"),
        select(func.sum(SpendRow.micro_usd)).where(spent).scalar_subquery().label("micro_usd"),
    ]
    return list(columns)


def _thread_row(run: Run) -> dict[str, Any]:
    return {"id": run.thread_id, "tenant": run.tenant, "created_at": run.started_at}


def _row(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "thread_id": run.thread_id,
        "tenant": run.tenant,
        "graph": run.graph,
        "status": run.status.value,
        "trace_id": run.trace_id,
        "asked": _short(run.asked),
        "started_at": run.started_at,
    }


def _run(row: Any) -> Run:
    return Run(
        id=row.id,
        thread_id=row.thread_id,
        tenant=row.tenant,
        graph=row.graph,
        status=RunStatus(row.status),
        trace_id=row.trace_id,
        asked=row.asked,
        answer=row.answer,
        error=row.error,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def _summary(row: Any) -> RunSummary:
    return RunSummary(
        run=_run(row),
        calls=row.calls,
        failed_calls=row.failed_calls,
        tokens=row.tokens or 0,
        micro_usd=row.micro_usd,
    )


def _short(text: str | None) -> str | None:
    return text if text is None or len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
