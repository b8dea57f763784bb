"""`EventLog`: what happened on each thread, in order, as long as the thread is kept.

Who holds a thread's lease numbers its events; who takes a lease away, or finds the thread at rest, goes on behind them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, LargeBinary, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.runtime.events import LoggedEvent, Recorded
from trunkline.runtime.queue.lease import Lease
from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.event_data import decode, encode
from trunkline.runtime.storage.payloads import Payloads
from trunkline.runtime.storage.queue.clock import SERVER_NOW, moment
from trunkline.runtime.storage.queue_tables import EventRow
from trunkline.runtime.storage.sealed import closed, event_place, opened, seal_of
from trunkline.runtime.storage.tables import ThreadRow
from trunkline.runtime.storage.writer import Writer

_PAGE = 500
_COLUMNS = ["thread_id", "fence", "seq", "run_id", "kind", "data", "at"]
_RIDES_ALONG = frozenset({"step_finished", "message_finished"})
"""Kinds whose step writes a checkpoint next, and takes them with it."""


class EventLog:
    """Appends what happens under leases, in the transactions of what else is written, and reads it."""

    def __init__(self, *, engine: AsyncEngine, writer: Writer) -> None:
        self._engine, self._writer = engine, writer
        self._seal = seal_of(engine)
        self._insert = _insert_under_lease(engine.dialect.name)

    def append(self, lease: Lease, event: LoggedEvent, payloads: Payloads) -> asyncio.Future[None]:
        """Give the event the thread's next number and post it; the future tells when it is committed.

        Nothing is written once the lease is lost, also when that happens while it is on its way. Raises `TypeError`,
        `ValueError` for what cannot be stored.
        """
        kind, data = encode(event, payloads)
        seq, lease.next_event = lease.next_event, lease.next_event + 1
        data = closed(self._seal, data, event_place(lease.thread_id, seq, lease.run_id, kind))
        held = {"thread_id": lease.thread_id, "fence": lease.fence, "lease_id": lease.lease_id}
        row = held | {"seq": seq, "run_id": lease.run_id, "kind": kind, "data": data, "at": time.time_ns() // 1000}
        return self._writer.post(self._insert, row, urgent=kind not in _RIDES_ALONG)

    async def of_run(self, run_id: str, payloads: Payloads, *, after: int = 0, limit: int = _PAGE) -> list[Recorded]:
        """Return the run's events whose number is greater, in order, `limit` at most. Raises `EventFormatError`."""
        return await self._read(EventRow.run_id == run_id, payloads, after, limit)

    async def of_thread(
        self, thread_id: str, payloads: Payloads, *, after: int = 0, limit: int = _PAGE
    ) -> list[Recorded]:
        """Return the thread's events whose number is greater, in order, `limit` at most. Raises `EventFormatError`."""
        return await self._read(EventRow.thread_id == thread_id, payloads, after, limit)

    async def newest_of_run(self, run_id: str, payloads: Payloads) -> Recorded | None:
        """Return the run's last event so far. Raises `EventFormatError`."""
        of_run = select(EventRow.__table__).where(EventRow.run_id == run_id)
        async with self._engine.connect() as connection:
            row = (await connection.execute(of_run.order_by(EventRow.seq.desc()).limit(1))).first()
            return _recorded(row, payloads, self._seal) if row else None

    async def _read(self, which: Any, payloads: Payloads, after: int, limit: int) -> list[Recorded]:
        wanted = select(EventRow.__table__).where(which, EventRow.seq > after).order_by(EventRow.seq).limit(limit)
        async with self._engine.connect() as connection:
            return [_recorded(row, payloads, self._seal) for row in await connection.execute(wanted)]


async def next_number(connection: AsyncConnection, thread_id: str) -> int:
    """Return the number of the thread's next event, whoever has numbered those before. Its row is locked."""
    newest = select(func.max(EventRow.seq)).where(EventRow.thread_id == thread_id).scalar_subquery()
    columns = (ThreadRow.next_event, newest.label("newest"))
    thread = (await connection.execute(select(*columns).where(ThreadRow.id == thread_id))).one()
    return max(int(thread.next_event), (thread.newest or 0) + 1)


async def append_for(
    connection: AsyncConnection, thread_id: str, happened: Sequence[tuple[str, LoggedEvent]], now: int
) -> None:
    """Append events of runs, by their ids, to a thread that nobody holds any more and whose row is locked."""
    fence = await connection.scalar(select(ThreadRow.fence).where(ThreadRow.id == thread_id))
    first, seal = await next_number(connection, thread_id), seal_of(connection)
    rows = [
        event_row(thread_id, run_id, event, fence=fence or 0, seq=first + place, now=now, seal=seal)
        for place, (run_id, event) in enumerate(happened)
    ]
    if rows:
        await connection.execute(INSERT, rows)
    numbered = update(ThreadRow).where(ThreadRow.id == thread_id).values(next_event=first + len(rows))
    await connection.execute(numbered)


def event_row(
    thread_id: str, run_id: str, event: LoggedEvent, *, fence: int, seq: int, now: int, seal: Seal
) -> dict[str, Any]:
    """Return the row of an event without values of the user's that are not sealed."""
    kind, data = encode(event)
    data = closed(seal, data, event_place(thread_id, seq, run_id, kind))
    whose = {"thread_id": thread_id, "run_id": run_id, "fence": fence}
    return {**whose, "seq": seq, "kind": kind, "data": data, "at": now}


async def delete_events(connection: AsyncConnection, thread_ids: Sequence[str]) -> None:
    """Delete all events of these threads; numbers are not given again while the threads' own rows stay."""
    await connection.execute(delete(EventRow).where(EventRow.thread_id.in_(thread_ids)))


INSERT = insert(EventRow)
"""For who holds the lock of the thread's row."""


@cache
def _insert_under_lease(dialect: str) -> Any:
    """Return the statement that inserts an event if its lease holds, whose thread is held until the commit."""
    given = {"seq": BigInteger(), "run_id": None, "kind": None, "data": LargeBinary()}
    values = [bindparam(name, type_=type_ or EventRow.__table__.c[name].type) for name, type_ in given.items()]
    at = bindparam("at", type_=BigInteger()) if dialect == "sqlite" else SERVER_NOW
    held = select(ThreadRow.id, ThreadRow.fence, *values, at).where(
        ThreadRow.id == bindparam("thread_id"),
        ThreadRow.fence == bindparam("fence"),
        ThreadRow.lease_id == bindparam("lease_id"),
        ThreadRow.sched == "leased",
    )
    return insert(EventRow).from_select(_COLUMNS, held.with_for_update(read=True))


def _recorded(row: Any, payloads: Payloads, seal: Seal) -> Recorded:
    data = opened(seal, row.data, event_place(row.thread_id, row.seq, row.run_id, row.kind))
    event = decode(row.kind, data, payloads)
    return Recorded(seq=row.seq, run_id=row.run_id, at=moment(row.at), event=event)
