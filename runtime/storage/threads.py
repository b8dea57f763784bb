"""Threads in the database, whoever wrote them: runs of Trunkline, or any graph through the checkpointer alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Executable, String, and_, cast, exists, func, or_, select, union
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.errors import ThreadInUseError
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.erasure import RUN_CONTENTS, erase, scrub
from trunkline.runtime.storage.queue.clock import ServerClock, moment
from trunkline.runtime.storage.queue.queue import RunQueue
from trunkline.runtime.storage.queue.stopping import Stopped, cut_off
from trunkline.runtime.storage.queue_tables import EventRow
from trunkline.runtime.storage.state_tables import StateCheckpointRow, StateThreadRow
from trunkline.runtime.storage.tables import (
    CallRow,
    RunRow,
    SpanRow,
    ThreadRow,
)
from trunkline.runtime.storage.thread_records import records_of
from trunkline.runtime.storage.writer import Writer
from trunkline.tools.call import CallState

_PAGE = 200
_CLOCK = ServerClock()
_UNDER_WAY = [CallState.READY.value, CallState.RUNNING.value]
_GREGORIAN = datetime(1582, 10, 15, tzinfo=UTC)
"""From when the time in a UUID counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A thread as it stands."""

    name: str
    graph: str | None
    """Of its last run; None for a thread that only the checkpointer knows."""

    runs: int
    checkpoints: int
    """Of the root graph."""

    active_at: datetime | None
    """When a run began or ended, a call was recorded, or a checkpoint was made, whatever was last."""

    under_way: str | None
    """What runs on it now, or is queued."""

    waiting: bool
    """Whether a run waits for an answer."""

    erased: bool
    """Whether it was deleted, and no conversation has begun anew on it."""

    late: bool
    """Whether something was recorded on it after it was erased: a run that was cut off records how it ended."""

    changes: int
    """Grows with each checkpoint and each removal."""

    def is_unused_since(self, at: datetime) -> bool:
        """Whether nothing has happened on it after this, and no run waits for an answer.

        What was used at a time that nobody knows never is.
        """
        return not self.waiting and self.active_at is not None and self.active_at <= at


class ThreadStore:
    """Looks threads over, and erases them."""

    def __init__(self, *, engine: AsyncEngine, writer: Writer, queue: RunQueue) -> None:
        self._engine, self._writer, self._queue = engine, writer, queue

    async def now(self) -> datetime:
        """Return the time by the database's clock."""
        async with self._engine.connect() as connection:
            return moment(await _CLOCK.read(connection))

    async def all(self) -> AsyncGenerator[Thread]:
        """Yield the threads in the order of their names. No transaction stays open in between."""
        after = ""
        while True:
            async with self._engine.connect() as connection:
                page = [_thread(row) for row in await connection.execute(_threads(_names(after)))]
            for thread in page:
                yield thread
            if len(page) < _PAGE:
                return
            after = page[-1].name

    async def find(self, name: str) -> Thread | None:
        """Return the thread of this name."""
        async with self._engine.connect() as connection:
            return await _find(connection, name)

    async def erase(self, name: str, *, force: bool = False, unused_since: datetime | None = None) -> bool:
        """Erase the thread in one transaction; see `trunkline.runtime.storage.erasure` for what stays.

        Return False where something has happened on it after `unused_since`. Raises `ThreadInUseError` where something
        is under way on it or queued, unless `force` cuts it off. A run that waits for an answer is cancelled.
        """

        async def work(connection: AsyncConnection) -> Stopped | None:
            await connection.execute(select(ThreadRow.id).where(ThreadRow.id == name).with_for_update())
            found = await _find(connection, name)
            if found is None or (unused_since is not None and not found.is_unused_since(unused_since)):
                return None
            if found.under_way and not force:
                problem = f"is not deleted: {found.under_way}; wait for its end, or cut it off with --force"
                raise ThreadInUseError(thread=name, problem=problem)
            now = await _CLOCK.read(connection)
            stopped = await cut_off(connection, name, now)
            await erase(connection, name, now=moment(now))
            return stopped

        stopped = await self._writer.write_alone(work)
        if stopped:
            await self._queue.tell(stopped)
        return stopped is not None

    async def scrub(self) -> bool:
        """Overwrite what a file's log still holds of erased threads; False while others are reading it."""
        return await scrub(self._engine)

    async def records(self, name: str) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        """Yield what is recorded of the thread beside its state: a kind and the fields of each row, oldest first."""
        async with self._engine.connect() as connection:
            async for record in records_of(connection, name):
                yield record


async def _find(connection: AsyncConnection, name: str) -> Thread | None:
    kept = select(StateThreadRow.name.label("name")).where(StateThreadRow.name == name)
    run = select(ThreadRow.id.label("name")).where(ThreadRow.id == name)
    row = (await connection.execute(_threads(union(kept, run)))).first()
    return _thread(row) if row else None


def _names(after: str) -> Any:
    kept = select(StateThreadRow.name.label("name")).where(StateThreadRow.name > after)
    run = select(ThreadRow.id.label("name")).where(ThreadRow.id > after)
    pages = [select(names.order_by("name").limit(_PAGE).subquery()) for names in (kept, run)]
    return union(*pages).order_by("name").limit(_PAGE)


def _threads(wanted: Any) -> Executable:
    names = wanted.subquery("names")
    runs, calls = RunRow.thread_id == names.c.name, CallRow.thread_id == names.c.name
    saved = (StateCheckpointRow.thread == StateThreadRow.id) & (StateCheckpointRow.ns == "")
    last = select(RunRow.graph).where(runs).order_by(RunRow.started_at.desc()).limit(1)
    newest = select(StateCheckpointRow.checkpoint_id).where(saved).order_by(StateCheckpointRow.seq.desc()).limit(1)
    calling = select(func.min(CallRow.id)).where(calls, CallRow.state.in_(_UNDER_WAY))
    return (
        select(
            names.c.name,
            last.scalar_subquery().label("graph"),
            _of(runs, func.count(RunRow.id)).label("runs"),
            _of(runs, func.max(RunRow.started_at)).label("began"),
            _of(runs, func.max(RunRow.ended_at)).label("ended"),
            _of(calls, func.max(CallRow.recorded_at)).label("recorded"),
            _of(saved, func.count(StateCheckpointRow.seq)).label("checkpoints"),
            newest.scalar_subquery().label("newest"),
            _first_run(runs, RunStatus.RUNNING).label("running"),
            _first_run(runs, RunStatus.QUEUED).label("queued"),
            _first_run(runs, RunStatus.WAITING).label("waiting"),
            calling.scalar_subquery().label("calling"),
            and_(func.coalesce(StateThreadRow.deleted, False), _has_contents(runs, calls)).label("late"),
            func.coalesce(StateThreadRow.deleted, False).label("erased"),
            func.coalesce(StateThreadRow.changes, 0).label("changes"),
        )
        .select_from(names.outerjoin(StateThreadRow, StateThreadRow.name == names.c.name))
        .order_by(names.c.name)
    )


def _first_run(runs: ColumnElement[bool], status: RunStatus) -> ColumnElement[Any]:
    return _of(runs & (RunRow.status == status.value), func.min(RunRow.id))


def _of(which: ColumnElement[bool], column: ColumnElement[Any]) -> ColumnElement[Any]:
    return select(column).where(which).scalar_subquery()


def _has_contents(runs: ColumnElement[bool], calls: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether anything is there that erasing takes away."""
    texts = or_(*(getattr(RunRow, name).is_not(None) for name in RUN_CONTENTS))
    values = or_(cast(CallRow.arguments, String) != "{}", cast(CallRow.output, String) != "null")
    spans = exists().where(runs, SpanRow.run_id == RunRow.id)
    events = exists().where(runs, EventRow.thread_id == RunRow.thread_id)
    return or_(exists().where(runs, texts), exists().where(calls, values), spans, events)


def _thread(row: Any) -> Thread:
    times = [at for at in (row.began, row.ended, row.recorded, _made_at(row.newest)) if at is not None]
    return Thread(
        name=row.name,
        graph=row.graph,
        runs=row.runs,
        checkpoints=row.checkpoints,
        active_at=max(times, default=None),
        under_way=_under_way(row),
        waiting=row.waiting is not None,
        erased=bool(row.erased),
        late=bool(row.late),
        changes=row.changes,
    )


def _under_way(row: Any) -> str | None:
    if row.running:
        return f"run {row.running} is under way"
    if row.queued:
        return f"run {row.queued} is queued"
    return f"call {row.calling} is under way" if row.calling else None


def _made_at(checkpoint_id: str | None) -> datetime | None:
    """Return the time in a checkpoint's id: LangGraph's are UUIDs of version 6, which begin with it."""
    try:
        number = UUID(checkpoint_id or "")
    except ValueError:
        return None
    if number.version != 6:
        return None
    high, low = number.int >> 80, number.int >> 64 & 0x0FFF
    return _GREGORIAN + timedelta(microseconds=(high << 12 | low) // 10)
