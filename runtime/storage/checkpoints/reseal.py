"""Seals a thread's rows anew: for another thread, or with another key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Column, ColumnElement, LargeBinary, Table, bindparam, func, insert, select, tuple_, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import KeyringError
from trunkline.runtime.storage.checkpoints.frame import digest
from trunkline.runtime.storage.checkpoints.identity import Identity, item_identity, of_checkpoint, of_item, of_write
from trunkline.runtime.storage.checkpoints.recall import ThreadState
from trunkline.runtime.storage.checkpoints.seal import Clear, Seal, header, is_sealed
from trunkline.runtime.storage.state_tables import StateCheckpointRow, StateItemRow, StateThreadRow, StateWriteRow
from trunkline.runtime.storage.transactions import Transactions
from trunkline.runtime.storage.writer import Writer

_PAGE = 200


@dataclass(frozen=True, slots=True)
class _Kind:
    """A table of rows that belong to threads."""

    table: Any
    key: Sequence[str]
    """The columns by which a thread's rows are ordered and told apart."""

    identity: Callable[[str, Any], Identity]

    @property
    def columns(self) -> Sequence[Column[Any]]:
        """All of them."""
        table: Table = self.table.__table__
        return list(table.columns)


_ITEMS = _Kind(StateItemRow, ("number",), of_item)
_KINDS = (
    _ITEMS,
    _Kind(StateCheckpointRow, ("seq",), of_checkpoint),
    _Kind(StateWriteRow, ("ns", "checkpoint_id", "task_id", "idx"), of_write),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Again:
    """Rows of the thread `before`, as rows of the thread `after`, with the current key."""

    seal: Seal
    before: str
    after: str
    clear: bool = False
    """Whether rows that are not sealed are taken for genuine."""

    taken: set[bytes] = field(default_factory=set[bytes])
    """The stored digests that other items of the thread have."""

    def values(self, kind: _Kind, row: Any) -> dict[str, Any]:
        """Return the row's columns that change."""
        plain = self.plain(kind, row)
        if kind is not _ITEMS:
            return {"data": self.seal.close(plain, kind.identity(self.after, row))}
        stored = self.stored_digest(plain)
        if stored in self.taken:  # the same value, stored under another key before: no need to find this one again
            stored = self.seal.stored_digest(digest(plain) + str(row.number).encode(), self.after)
        self.taken.add(stored)
        return {"digest": stored, "data": self.seal.close(plain, item_identity(self.after, row.number, stored))}

    def stored_digest(self, plain: bytes) -> bytes:
        """Return the digest by which an item is found."""
        return self.seal.stored_digest(digest(plain), self.after)

    def plain(self, kind: _Kind, row: Any) -> bytes:
        """Return the plain frame in a row."""
        seal = Clear() if self.clear and not is_sealed(row.data) else self.seal
        return seal.open(row.data, kind.identity(self.before, row))


async def copy_sealed(
    connection: AsyncConnection, seal: Seal, names: tuple[str, str], states: tuple[ThreadState, ThreadState]
) -> None:
    """Copy all rows of the first thread to the second, which has none."""
    again = _Again(seal=seal, before=names[0], after=names[1])
    for kind in _KINDS:
        kept = [column.name for column in kind.columns if column.name not in {"thread", "seq"}]
        async for rows in _pages(connection, kind, states[0].id):
            made = [
                {name: getattr(row, name) for name in kept} | {"thread": states[1].id} | again.values(kind, row)
                for row in rows
            ]
            await connection.execute(insert(kind.table), made)


async def reencrypt(reads: Transactions, writer: Writer, seal: Seal, *, clear: bool) -> int:
    """Seal with the current key what is not, a page of rows a transaction, and return how many rows."""
    if seal.key is None:
        raise KeyringError(
            problem="none were given to encrypt with, by SQLAlchemySaver(..., keys=...) or TRUNKLINE_KEYS"
        )
    begin = header(seal.key)
    count = 0
    for thread in await reads.read(partial(_threads_to_do, begin=begin)):
        some = partial(_some_again, thread=thread, seal=seal, clear=clear)
        while done := await writer.write(some):
            count += done
    return count


async def _pages(connection: AsyncConnection, kind: _Kind, thread: int) -> AsyncIterator[Sequence[Any]]:
    key = [getattr(kind.table, name) for name in kind.key]
    query = select(*kind.columns).where(kind.table.thread == thread).order_by(*key).limit(_PAGE)
    page = (await connection.execute(query)).all()
    while page:
        yield page
        last = [getattr(page[-1], name) for name in kind.key]
        page = (await connection.execute(query.where(tuple_(*key) > tuple_(*last)))).all()


def _to_do(kind: _Kind, begin: bytes) -> ColumnElement[bool]:
    return func.substr(kind.table.data, 1, len(begin), type_=LargeBinary) != begin


async def _threads_to_do(connection: AsyncConnection, *, begin: bytes) -> Sequence[int]:
    found = union(*(select(kind.table.thread).where(_to_do(kind, begin)) for kind in _KINDS))
    return (await connection.scalars(found)).all()


async def _some_again(connection: AsyncConnection, *, thread: int, seal: Seal, clear: bool) -> int:
    """Seal some rows of a thread with the current key and return how many."""
    assert seal.key
    held = select(StateThreadRow.name).where(StateThreadRow.id == thread).with_for_update()
    name: str = (await connection.execute(held)).scalar_one()
    again = _Again(seal=seal, before=name, after=name, clear=clear)
    count = 0
    for kind in _KINDS:
        query = select(*kind.columns).where(kind.table.thread == thread, _to_do(kind, header(seal.key)))
        rows = (await connection.execute(query.limit(_PAGE - count))).all()
        if rows and kind is _ITEMS:
            digests = [again.stored_digest(again.plain(kind, row)) for row in rows]
            there = StateItemRow.thread == thread, StateItemRow.digest.in_(digests)
            again.taken.update(await connection.scalars(select(StateItemRow.digest).where(*there)))
        await _update(connection, kind, thread, rows, again)
        count += len(rows)
    return count


async def _update(connection: AsyncConnection, kind: _Kind, thread: int, rows: Sequence[Any], again: _Again) -> None:
    if not rows:
        return
    changed = [again.values(kind, row) for row in rows]
    places = [{f"the_{name}": getattr(row, name) for name in kind.key} for row in rows]
    here = [kind.table.thread == thread, *(getattr(kind.table, name) == bindparam(f"the_{name}") for name in kind.key)]
    new: dict[str, Any] = {name: bindparam(f"new_{name}") for name in changed[0]}
    parameters = [
        place | {f"new_{name}": value for name, value in values.items()}
        for place, values in zip(places, changed, strict=True)
    ]
    await connection.execute(update(kind.table).where(*here).values(**new), parameters)
