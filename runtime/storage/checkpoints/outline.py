"""Outlines: what there is of a thread, without its values, to compare it with what there is of it elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.storage.state_tables import StateCheckpointRow, StateThreadRow, StateWriteRow

CheckpointKey = tuple[str, str]
"""A namespace and a checkpoint's id."""

WriteKey = tuple[str, str, str, int]
"""A namespace, a checkpoint's id, a task's id, and which of its writes."""

_THREAD = select(StateThreadRow.id, StateThreadRow.deleted).where(StateThreadRow.name == bindparam("name"))
_CHECKPOINTS = (
    select(StateCheckpointRow.ns, StateCheckpointRow.checkpoint_id)
    .where(StateCheckpointRow.thread == bindparam("thread"))
    .order_by(StateCheckpointRow.seq)
)
_WRITES = select(StateWriteRow.ns, StateWriteRow.checkpoint_id, StateWriteRow.task_id, StateWriteRow.idx).where(
    StateWriteRow.thread == bindparam("thread")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The checkpoints of a thread, the oldest first, and what tasks wrote under them."""

    checkpoints: tuple[CheckpointKey, ...] = ()
    writes: frozenset[WriteKey] = frozenset()
    deleted: bool = False


async def outline_of(connection: AsyncConnection, name: str) -> Outline:
    """Return the outline of a thread; that of an unknown one is empty."""
    thread = (await connection.execute(_THREAD, {"name": name})).first()
    if thread is None:
        return Outline()
    here = {"thread": thread.id}
    return Outline(
        checkpoints=tuple((row.ns, row.checkpoint_id) for row in await connection.execute(_CHECKPOINTS, here)),
        writes=frozenset((r.ns, r.checkpoint_id, r.task_id, r.idx) for r in await connection.execute(_WRITES, here)),
        deleted=thread.deleted,
    )
