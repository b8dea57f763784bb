"""Keeps schedules, and submits the runs of those that are due."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from langchain_core.utils.uuid import uuid7
from sqlalchemy import delete, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import KeyTakenError, TrunklineError, UnknownScheduleError
from trunkline.runtime.queue.schedule import Misfire, Schedule, due, next_moment
from trunkline.runtime.queue.submission import Submission, new_run_id
from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.queue.clock import SECOND, moment
from trunkline.runtime.storage.queue.submitting import Submitted, submit
from trunkline.runtime.storage.queue_tables import ScheduleRow
from trunkline.runtime.storage.sealed import closed, opened, schedule_place, seal_of

ScheduleId = tuple[str, str]
"""A tenant, and its name for a schedule."""

_ID = tuple_(ScheduleRow.tenant, ScheduleRow.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """What was done about a schedule that was due."""

    schedule: ScheduleId
    runs: Sequence[str] = ()
    rings: frozenset[str] = field(default_factory=frozenset[str])
    problem: TrunklineError | None = None
    """Why a run could not be submitted. The schedule is still due."""


async def declare(connection: AsyncConnection, wanted: Schedule, now: int) -> None:
    """Put a schedule on record, or change the one of this name; with the same moments it stays due when it was."""
    row = await _locked(connection, wanted.tenant, wanted.name)
    values = _values(wanted, seal_of(connection))
    if row is None or (row.cron, row.zone) != (wanted.cron, wanted.zone):
        values["next_at"] = _after(wanted.cron, wanted.zone, now)
    if row is None:
        named = {"tenant": wanted.tenant, "name": wanted.name}
        await connection.execute(insert(ScheduleRow).values(**named, **values))
    else:
        await _change(connection, wanted.tenant, wanted.name, **values)


async def remove(connection: AsyncConnection, tenant: str, name: str) -> None:
    """Take a schedule off the record. Runs that it submitted stay. Raises `UnknownScheduleError`."""
    this = (ScheduleRow.tenant == tenant, ScheduleRow.name == name)
    if not (await connection.execute(delete(ScheduleRow).where(*this))).rowcount:
        raise UnknownScheduleError(name=name)


async def pause(connection: AsyncConnection, tenant: str, name: str, now: int, *, paused: bool) -> None:
    """Let a schedule rest, or go on; what passed while it rested is not missed. Raises `UnknownScheduleError`."""
    row = await _locked(connection, tenant, name)
    if row is None:
        raise UnknownScheduleError(name=name)
    if row.paused != paused:
        await _change(connection, tenant, name, paused=paused, next_at=_after(row.cron, row.zone, now))


async def fire_next(connection: AsyncConnection, now: int, passed: Collection[ScheduleId]) -> Fired | None:
    """Submit the runs of the schedule that has been due for longest, and set its next moment; None when none is due.

    Those that were `passed`, and those that somebody else is at, are left out. A moment's run has a key of its own, so
    that it is submitted once at most.
    """
    ready = (ScheduleRow.next_at <= now, ScheduleRow.paused.is_(False), _ID.not_in(list(passed)))
    wanted = select(ScheduleRow.__table__).where(*ready).order_by(ScheduleRow.next_at).limit(1)
    row = (await connection.execute(wanted.with_for_update(skip_locked=True))).first()
    if row is None:
        return None
    wanted_now = due(row.cron, row.zone, Misfire(row.misfire), moment(row.next_at), moment(now))
    submitted: list[Submitted] = []
    next_at, problem = wanted_now.next_at, None
    for at in wanted_now.moments:
        try:
            submitted.append(await _submit(connection, row, at, now))
        except TrunklineError as error:  # raised before the run is written
            next_at, problem = at, error
            break
    await _change(connection, row.tenant, row.name, next_at=_microseconds(next_at))
    return Fired(
        schedule=(row.tenant, row.name),
        runs=[each.run_id for each in submitted],
        rings=frozenset(each.ring for each in submitted if each.ring),
        problem=problem,
    )


async def _submit(connection: AsyncConnection, row: Any, at: datetime, now: int) -> Submitted:
    prefix = f"{row.tenant}/" if row.tenant else ""
    wanted = Submission(
        run_id=new_run_id(),
        thread_id=row.thread_id or f"{prefix}{uuid4().hex}",
        tenant=row.tenant,
        graph=row.graph,
        reference=row.reference,
        given=opened(seal_of(connection), row.given, schedule_place(row.tenant, row.name)),
        asked=f"schedule {row.name}",
        trace_id=str(uuid7()),
        queue=row.queue,
        priority=row.priority,
        key=f"schedule:{row.name}:{at:%Y-%m-%dT%H:%M:%SZ}",
    )
    try:
        return await submit(connection, wanted, now)
    except KeyTakenError as error:  # the clock went back, and the schedule was changed since
        return Submitted(run_id=error.run)


async def _locked(connection: AsyncConnection, tenant: str, name: str) -> Any:
    this = (ScheduleRow.tenant == tenant, ScheduleRow.name == name)
    return (await connection.execute(select(ScheduleRow.__table__).where(*this).with_for_update())).first()


async def _change(connection: AsyncConnection, tenant: str, name: str, **values: Any) -> None:
    this = (ScheduleRow.tenant == tenant, ScheduleRow.name == name)
    await connection.execute(update(ScheduleRow).where(*this).values(**values))


def _after(cron: str, zone: str, now: int) -> int:
    return _microseconds(next_moment(cron, zone, moment(now)))


def _microseconds(at: datetime) -> int:
    return round(at.timestamp()) * SECOND


def _values(wanted: Schedule, seal: Seal) -> dict[str, Any]:
    return {
        "cron": wanted.cron,
        "zone": wanted.zone,
        "misfire": wanted.misfire.value,
        "thread_id": wanted.thread_id,
        "graph": wanted.graph,
        "reference": wanted.reference,
        "given": closed(seal, wanted.given, schedule_place(wanted.tenant, wanted.name)),
        "queue": wanted.queue,
        "priority": wanted.priority,
    }
