"""Runs in the database: how each stands, and what it took."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, String, any_, func, literal, select
from sqlalchemy.ext.asyncio import AsyncEngine

from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.run_rows import Run, run_of
from trunkline.runtime.storage.sealed import opened, run_place, seal_of
from trunkline.runtime.storage.tables import CallRow, RunRow, SpendRow

_RESTING = [status.value for status in RunStatus if status.rests]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run with what it took."""

    run: Run
    calls: int
    failed_calls: int
    tokens: int
    micro_usd: int | None
    """None: no model call of the run has a known price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What a run waits for."""

    interrupts: bytes
    """As `questions.asked` made them."""

    reference: str | None
    """How a worker finds the run's graph."""

    fence: int
    """The fencing token of the claim under which it asked."""


class RunStore:
    """Reads the rows of runs."""

    def __init__(self, *, engine: AsyncEngine) -> None:
        self._engine = engine

    async def get(self, run_id: str) -> Run | None:
        """Return the run with this id, or None."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(RunRow.__table__).where(RunRow.id == run_id))).first()
            return run_of(row, seal_of(connection)) if row else None

    async def among(self, run_ids: Collection[str], *, resting: bool = False) -> list[Run]:
        """Return those of the runs that are on record, or those that rest; for any number it is one statement."""
        wanted = select(RunRow.__table__).where(self._is_among(run_ids))
        if resting:
            wanted = wanted.where(RunRow.status.in_(_RESTING))
        async with self._engine.connect() as connection:
            return [run_of(row, seal_of(connection)) for row in await connection.execute(wanted)]

    def _is_among(self, run_ids: Collection[str]) -> ColumnElement[bool]:
        if self._engine.dialect.name == "postgresql":
            return RunRow.id == any_(literal(list(run_ids), ARRAY(String)))
        return RunRow.id.in_(select(func.json_each(json.dumps(list(run_ids))).table_valued("value").c.value))

    async def cancel_wish(self, run_id: str) -> str | None:
        """Return how somebody wishes a run to end that is under way: `cancel`, `rollback`, or None."""
        async with self._engine.connect() as connection:
            return await connection.scalar(select(RunRow.cancel).where(RunRow.id == run_id))

    async def wait_of(self, run_id: str) -> Wait | None:
        """Return what a run waits for, or None when it does not wait."""
        columns = (RunRow.thread_id, RunRow.interrupts, RunRow.reference, RunRow.fence)
        waiting = select(*columns).where(RunRow.id == run_id, RunRow.status == RunStatus.WAITING.value)
        async with self._engine.connect() as connection:
            row = (await connection.execute(waiting)).first()
            if row is None:
                return None
            place = run_place(row.thread_id, run_id, "interrupts")
            interrupts = opened(seal_of(connection), row.interrupts, place)
            return Wait(interrupts=interrupts, reference=row.reference, fence=row.fence)

    async def find(self, beginning: str) -> Sequence[Run]:
        """Return the runs whose id begins so, newest first; `last` means the newest of all."""
        wanted = select(RunRow.__table__).order_by(RunRow.started_at.desc()).limit(2)
        if beginning == "last":
            wanted = wanted.limit(1)
        else:
            wanted = wanted.where(RunRow.id.startswith(beginning, autoescape=True))
        async with self._engine.connect() as connection:
            return [run_of(row, seal_of(connection)) for row in await connection.execute(wanted)]

    async def latest(
        self,
        *,
        limit: int,
        thread: str | None = None,
        tenant: str | None = None,
        status: RunStatus | None = None,
        queue: str | None = None,
    ) -> list[RunSummary]:
        """Return the newest runs with what they took, newest first."""
        wanted = select(RunRow.__table__, *_totals()).order_by(RunRow.started_at.desc()).limit(limit)
        if thread is not None:
            wanted = wanted.where(RunRow.thread_id == thread)
        if tenant is not None:
            wanted = wanted.where(RunRow.tenant == tenant)
        if status is not None:
            wanted = wanted.where(RunRow.status == status.value)
        if queue is not None:
            wanted = wanted.where(RunRow.queue == queue)
        async with self._engine.connect() as connection:
            return [_summary(row, seal_of(connection)) for row in await connection.execute(wanted)]

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


def _summary(row: Any, seal: Seal) -> RunSummary:
    return RunSummary(
        run=run_of(row, seal),
        calls=row.calls,
        failed_calls=row.failed_calls,
        tokens=row.tokens or 0,
        micro_usd=row.micro_usd,
    )
