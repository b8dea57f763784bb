"""Seals with the current key what is sealed beside the state: see `sealed`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, and_, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.storage.checkpoints.identity import Identity
from trunkline.runtime.storage.checkpoints.seal import Clear, Seal, header, is_sealed
from trunkline.runtime.storage.memory_tables import CacheEntryRow, MemoryItemRow
from trunkline.runtime.storage.queue_tables import EventRow, ScheduleRow
from trunkline.runtime.storage.run_rows import TEXTS
from trunkline.runtime.storage.sealed import (
    TEXT,
    closed,
    closed_text,
    entry_place,
    event_place,
    item_place,
    opened,
    opened_text,
    run_place,
    schedule_place,
    seal_of,
    text_header,
)
from trunkline.runtime.storage.tables import RunRow
from trunkline.runtime.storage.writer import Writer

_PAGE = 200


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that is sealed."""

    table: Any
    name: str
    place: Callable[[Any], Identity]
    text: bool = False
    lenient: bool = False
    """Whether some of its texts are the queue's own, and stay in clear unless all is to be sealed."""

    @property
    def column(self) -> Any:
        """The column itself."""
        return getattr(self.table, self.name)

    def to_do(self, key: str, *, clear: bool) -> ColumnElement[bool]:
        """Return the condition of rows that are not sealed with the key."""
        if not self.text:
            begin = header(key)
            return func.substr(self.column, 1, len(begin), type_=LargeBinary) != begin
        begin_text = text_header(key)
        other = func.substr(self.column, 1, len(begin_text)) != begin_text
        return and_(other, self.column.startswith(TEXT)) if self.lenient and not clear else other

    def again(self, row: Any, seal: Seal, *, clear: bool) -> Any:
        """Return the row's value as it is stored with the current key."""
        stored, place = row.stored, self.place(row)
        in_clear = not (stored.startswith(TEXT) if self.text else is_sealed(stored))
        before = Clear() if clear and in_clear else seal
        if self.text:
            return closed_text(seal, opened_text(before, stored, place), place)
        return closed(seal, opened(before, stored, place), place)


def _of_run(name: str) -> Callable[[Any], Identity]:
    return lambda row: run_place(row.thread_id, row.id, name)


_COLUMNS = (
    *(_Column(RunRow, name, _of_run(name)) for name in ("given", "resume", "interrupts")),
    *(_Column(RunRow, name, _of_run(name), text=True, lenient=True) for name in TEXTS),
    _Column(EventRow, "data", lambda row: event_place(row.thread_id, row.seq, row.run_id, row.kind)),
    _Column(ScheduleRow, "given", lambda row: schedule_place(row.tenant, row.name)),
    _Column(MemoryItemRow, "value", lambda row: item_place(row.tenant, row.ns, row.key), text=True),
    _Column(CacheEntryRow, "data", lambda row: entry_place(row.tenant, row.ns, row.key)),
)


async def reencrypt_columns(writer: Writer, *, clear: bool) -> int:
    """Seal with the current key what is not, a page of rows a transaction, and return how many values."""
    count = 0
    for column in _COLUMNS:
        while done := await writer.write(partial(_some_again, column=column, clear=clear)):
            count += done
    return count


async def _some_again(connection: AsyncConnection, *, column: _Column, clear: bool) -> int:
    seal = seal_of(connection)
    assert seal.key, "only what is sealed is sealed anew"
    names = column.table.__table__.columns
    rows: Sequence[Any] = (
        await connection.execute(
            select(*names, column.column.label("stored"))
            .where(column.to_do(seal.key, clear=clear))
            .limit(_PAGE)
            .with_for_update()
        )
    ).all()
    if rows:
        keys = [key.name for key in column.table.__table__.primary_key]
        here = [getattr(column.table, name) == bindparam(f"the_{name}") for name in keys]
        changed = [
            {f"the_{name}": getattr(row, name) for name in keys} | {"new": column.again(row, seal, clear=clear)}
            for row in rows
        ]
        again = update(column.table).where(*here).values({column.name: bindparam("new")})
        await connection.execute(again, changed)
    return len(rows)
