"""Stops runs: those that wait are cancelled at once, those that run are asked to end, or lose their lease."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import RunStateError
from trunkline.runtime.queue.happenings import RunCancelled
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.event_log import append_for
from trunkline.runtime.storage.queue.clock import moment
from trunkline.runtime.storage.queue.mailbox import settle
from trunkline.runtime.storage.tables import RunRow, ThreadRow

_AT_REST = [RunStatus.QUEUED.value, RunStatus.WAITING.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """What was stopped, and who must be told."""

    cancelled: Sequence[str] = ()
    """Runs that are cancelled now."""

    asked: tuple[str, str] | None = None
    """The worker and its run that is asked to end."""

    ring: str | None = None


async def stop(connection: AsyncConnection, run_id: str, now: int) -> Stopped:
    """Cancel the run at once, or ask its worker to. A run that is over stays as it is."""
    run = await _locked(connection, run_id)
    status = RunStatus(run.status)
    if status is RunStatus.RUNNING:
        return Stopped(asked=await _ask(connection, run_id, run.worker_id, "cancel"))
    if status.over:
        return Stopped()
    await _cancel(connection, [run_id], now)
    if run.sched == "leased":
        return Stopped(cancelled=[run_id])
    await append_for(connection, run.thread_id, [(run_id, RunCancelled())], now)
    return Stopped(cancelled=[run_id], ring=await settle(connection, run.thread_id, now))


async def kill(connection: AsyncConnection, run_id: str, now: int) -> Stopped:
    """Cancel the run at once, also one that runs: its lease is taken away, and nothing more of it is written.

    Raises `RunStateError` for one that is over.
    """
    run = await _locked(connection, run_id)
    status = RunStatus(run.status)
    if status.over:
        raise RunStateError(run=run_id, status=run.status, wanted="running, queued or waiting")
    if status is not RunStatus.RUNNING:
        return await stop(connection, run_id, now)
    await _cancel(connection, [run_id], now, error="killed", fence=RunRow.fence + 1)
    await append_for(connection, run.thread_id, [(run_id, RunCancelled(why="killed"))], now)
    ring = await settle(connection, run.thread_id, now, fence=ThreadRow.fence + 1)
    return Stopped(cancelled=[run_id], asked=(run.worker_id, run_id), ring=ring)


async def stop_all(connection: AsyncConnection, thread_id: str, now: int, *, how: str) -> Stopped:
    """Cancel what the thread has, whose row the caller has locked; ask the worker of the run under way to end it."""
    mine = select(RunRow.id, RunRow.status).where(RunRow.thread_id == thread_id)
    rows = (await connection.execute(mine.where(RunRow.status.in_([*_AT_REST, RunStatus.RUNNING.value])))).all()
    at_rest = [row.id for row in rows if row.status in _AT_REST]
    await _cancel(connection, at_rest, now)
    running = next((row.id for row in rows if row.status == RunStatus.RUNNING.value), None)
    if running is None:
        await append_for(connection, thread_id, [(run_id, RunCancelled()) for run_id in at_rest], now)
        return Stopped(cancelled=at_rest)
    worker = await connection.scalar(select(ThreadRow.worker_id).where(ThreadRow.id == thread_id))
    return Stopped(cancelled=at_rest, asked=await _ask(connection, running, worker, how))


async def cut_off(connection: AsyncConnection, thread_id: str, now: int) -> Stopped:
    """Cancel at once all that the thread has, whose row the caller has locked; nothing more of it is written."""
    unfinished = [*_AT_REST, RunStatus.RUNNING.value]
    mine = select(RunRow.id, RunRow.status).where(RunRow.thread_id == thread_id, RunRow.status.in_(unfinished))
    rows = (await connection.execute(mine)).all()
    if not rows:
        return Stopped()
    worker = await connection.scalar(select(ThreadRow.worker_id).where(ThreadRow.id == thread_id))
    await _cancel(connection, [row.id for row in rows], now, fence=RunRow.fence + 1)
    await settle(connection, thread_id, now, fence=ThreadRow.fence + 1)
    running = next((row.id for row in rows if row.status == RunStatus.RUNNING.value), None)
    asked = (worker, running) if worker and running else None
    return Stopped(cancelled=[row.id for row in rows], asked=asked)


async def _locked(connection: AsyncConnection, run_id: str) -> Any:
    """Return the run with what its thread, now locked, is doing."""
    thread_id = await connection.scalar(select(RunRow.thread_id).where(RunRow.id == run_id))
    await connection.execute(select(ThreadRow.id).where(ThreadRow.id == thread_id).with_for_update())
    columns = (RunRow.status, RunRow.thread_id, ThreadRow.sched, ThreadRow.worker_id)
    wanted = select(*columns).join(ThreadRow, ThreadRow.id == RunRow.thread_id).where(RunRow.id == run_id)
    run = (await connection.execute(wanted)).first()
    if run is None:
        raise RunStateError(run=run_id, status="not on record", wanted="queued, waiting or running")
    return run


async def _ask(connection: AsyncConnection, run_id: str, worker_id: str | None, how: str) -> tuple[str, str]:
    await connection.execute(update(RunRow).where(RunRow.id == run_id).values(cancel=how))
    return worker_id or "", run_id


async def _cancel(
    connection: AsyncConnection, run_ids: Sequence[str], now: int, *, error: str | None = None, **changes: Any
) -> None:
    ended = {"status": RunStatus.CANCELLED.value, "ended_at": moment(now), "error": error, "resume": None, **changes}
    await connection.execute(update(RunRow).where(RunRow.id.in_(run_ids)).values(**ended))
