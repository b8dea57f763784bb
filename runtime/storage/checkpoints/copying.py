"""Copies a thread, row by row: an item keeps its number, so nothing in the rows changes but their seals."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import ThreadExistsError
from trunkline.runtime.storage.checkpoints.recall import Recall
from trunkline.runtime.storage.checkpoints.reseal import copy_sealed
from trunkline.runtime.storage.checkpoints.save import hold
from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.state_tables import StateCheckpointRow, StateItemRow, StateThreadRow, StateWriteRow


async def copy_thread(connection: AsyncConnection, source: str, target: str, seal: Seal) -> None:
    """Copy all checkpoints, items and writes to a thread that has none. Raises `ThreadExistsError`."""
    threads = await hold(connection, {source, target}, Recall())
    old, new = threads[source].state, threads[target].state
    if await connection.scalar(select(StateCheckpointRow.seq).where(StateCheckpointRow.thread == new.id).limit(1)):
        raise ThreadExistsError(thread=target)
    if seal.key:
        await copy_sealed(connection, seal, (source, target), (old, new))
    else:
        await _copy_rows(connection, old.id, new.id)
    counts: dict[str, Any] = {
        "elements": old.elements,
        "singles": old.singles,
        "changes": StateThreadRow.changes + 1,
        "removals": StateThreadRow.removals + 1,
        "deleted": False,
    }
    await connection.execute(update(StateThreadRow).where(StateThreadRow.id == new.id).values(**counts))


async def _copy_rows(connection: AsyncConnection, old: int, new: int) -> None:
    for table, order in (
        (StateItemRow, StateItemRow.number),
        (StateCheckpointRow, StateCheckpointRow.seq),
        (StateWriteRow, StateWriteRow.idx),
    ):
        await connection.execute(_copy(table, old, new, order))


def _copy(table: Any, old: int, new: int, order: Any) -> Any:
    names = [column.name for column in table.__table__.columns if column.name not in {"thread", "seq"}]
    rows = select(literal(new), *(getattr(table, name) for name in names)).where(table.thread == old).order_by(order)
    return insert(table).from_select(["thread", *names], rows)
