"""The rows that a save writes, and how they are sent: table by table, or on PostgreSQL all in one statement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Integer, bindparam, column, func, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.queue.lease import Lease
from trunkline.runtime.storage.checkpoints.arrays import TextArray
from trunkline.runtime.storage.checkpoints.recall import ThreadState
from trunkline.runtime.storage.queue.guarding import lease_parameters, leased_as
from trunkline.runtime.storage.state_tables import StateCheckpointRow, StateItemRow, StateThreadRow, StateWriteRow
from trunkline.runtime.storage.upsert import upsert

Row = Mapping[str, Any]
_THREADS = StateThreadRow.__table__
_MUTABLE = ("elements", "singles", "changes", "token", "deleted")
_SAVE_THREAD = (
    update(StateThreadRow)
    .where(StateThreadRow.id == bindparam("the_id"))
    .values({name: bindparam(f"new_{name}") for name in _MUTABLE})
)
_CHANGED = ("id", *_MUTABLE)
_SEEN = ("id", "changes", "token")
"""What tells that a thread's row is as it was: whoever saves or removes anything counts up `changes`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of one transaction; no two of a table are the same row, but for those in `once`."""

    items: Sequence[Row]
    checkpoints: Sequence[Row]
    once: Sequence[Row]
    """Tasks' writes of which the first counts."""

    last: Sequence[Row]
    """Those of which the last counts."""

    threads: Sequence[ThreadState]
    """The threads that change, as they will be."""

    async def send(self, connection: AsyncConnection, held: Sequence[ThreadState]) -> None:
        """Write the rows, in one statement or one for each table. The threads' rows are held, as they are there."""
        if connection.dialect.name == "postgresql":
            await self.send_at_once(connection, held)
            return
        for rows, statement in zip(self._parts(), _inserts(connection.dialect.name), strict=True):
            if rows:
                await _execute(connection, statement, rows)
        if self.threads:
            changed = [
                {"the_id": state.id, **{f"new_{name}": getattr(state, name) for name in _MUTABLE}}
                for state in self.threads
            ]
            await _execute(connection, _SAVE_THREAD, changed)

    async def send_at_once(
        self, connection: AsyncConnection, seen: Sequence[ThreadState], leases: Collection[Lease] = ()
    ) -> bool:
        """Write the rows in one statement if the threads' rows are as they were seen, and leased so; else nothing.

        While they are, nobody has saved anything in between, and all that was decided by what was seen stands.
        """
        parameters: dict[str, Any] = {"count": len(seen), **_arrays("seen", _SEEN, seen)}
        if leases:
            parameters |= {"leases": len(leases), **lease_parameters("lease", leases)}
        parameters |= _arrays("changed", _CHANGED, self.threads)
        for part, rows in enumerate(self._parts()):
            for name in rows[0] if rows else ():
                parameters[f"part{part}_{name}"] = [row[name] for row in rows]
        parts = tuple(bool(rows) for rows in self._parts())
        statement = _at_once(parts, changed=bool(self.threads), guarded=bool(leases))
        still: int | None = await connection.scalar(statement, parameters)
        return still == len(seen)

    def _parts(self) -> tuple[Sequence[Row], ...]:
        return self.items, self.checkpoints, self.once, self.last


async def _execute(connection: AsyncConnection, statement: Any, rows: Sequence[Row]) -> None:
    """Send rows, to SQLite as its driver takes them: for plain values, SQLAlchemy's work on each is in vain."""
    if connection.dialect.name != "sqlite":
        await connection.execute(statement, rows)
        return
    text, names = _as_sqlite_takes_it(statement)
    await connection.exec_driver_sql(text, [tuple(map(row.get, names)) for row in rows])


@cache
def _as_sqlite_takes_it(statement: Any) -> tuple[str, Sequence[str]]:
    """Return the statement's text, and the names of its parameters in their order."""
    compiled = statement.compile(dialect=sqlite.dialect())
    return str(compiled), compiled.positiontup


@cache
def _inserts(dialect: str) -> tuple[Any, ...]:
    """Return the statement for each of the parts."""
    checkpoint = upsert(
        dialect,
        StateCheckpointRow,
        replacing=("data", "parent_id", "run_id"),
        unique=("thread", "ns", "checkpoint_id"),
    )
    last = upsert(dialect, StateWriteRow, replacing=("task_path", "channel", "data"))
    return insert(StateItemRow), checkpoint, upsert(dialect, StateWriteRow), last


@cache
def _at_once(parts: tuple[bool, ...], *, changed: bool, guarded: bool) -> Any:
    """Return the statement of PostgreSQL's that writes these parts. It says how many threads are as they were seen;
    where a lease was lost it says none.
    """
    thread = _THREADS.c
    seen = _unnested("seen", _THREADS, _SEEN)
    same = thread.changes == seen.c.changes, thread.token.is_not_distinct_from(seen.c.token)
    rows_held = select(thread.id).join(seen, seen.c.id == thread.id).where(*same).order_by(thread.id)
    if guarded:
        leased = select(func.count()).select_from(leased_as("lease").cte("leased"))
        rows_held = rows_held.where(leased.scalar_subquery() == bindparam("leases", type_=Integer))
    held = rows_held.with_for_update(of=StateThreadRow).cte("held")
    count = select(func.count()).select_from(held)
    all_are = count.scalar_subquery() == bindparam("count", type_=Integer)
    statement = count
    for part, there in enumerate(parts):
        if there:
            write = _inserts("postgresql")[part]
            names = [each.name for each in write.table.columns if each.name != "seq"]
            rows = _unnested(f"part{part}", write.table, names)
            statement = statement.add_cte(write.from_select(names, select(*rows.c).where(all_are)).cte(f"write{part}"))
    if changed:
        new = _unnested("changed", _THREADS, _CHANGED)
        values = {name: new.c[name] for name in _MUTABLE}
        write = update(StateThreadRow).where(thread.id == new.c.id, all_are).values(values)
        statement = statement.add_cte(write.cte("save_threads"))
    return statement


def _unnested(prefix: str, table: Any, names: Iterable[str]) -> Any:
    """Return arrays of this table's columns as a table."""
    types = {name: table.c[name].type for name in names}
    arrays = [bindparam(f"{prefix}_{name}", type_=TextArray(kind)) for name, kind in types.items()]
    made = func.unnest(*arrays).table_valued(*(column(name, kind) for name, kind in types.items()))
    return made.render_derived()


def _arrays(prefix: str, names: Iterable[str], states: Sequence[ThreadState]) -> dict[str, list[Any]]:
    return {f"{prefix}_{name}": [getattr(state, name) for state in states] for name in names if states}
