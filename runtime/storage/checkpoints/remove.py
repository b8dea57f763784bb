"""Takes away threads and runs, and the items that no checkpoint refers to any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.serde.base import SerializerProtocol
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import DeltaHistoryError
from trunkline.runtime.storage.checkpoints.contents import Contents
from trunkline.runtime.storage.checkpoints.record import CheckpointRecord, decode
from trunkline.runtime.storage.state_tables import StateCheckpointRow, StateItemRow, StateThreadRow, StateWriteRow

_AT_ONCE = 500


async def delete_threads(connection: AsyncConnection, names: Sequence[str]) -> None:
    """Take away all that the threads have, and leave their tombstones, so that late writes are refused."""
    for thread in await _threads(connection, StateThreadRow.name.in_(names)):
        for table in (StateCheckpointRow, StateItemRow, StateWriteRow):
            await connection.execute(delete(table).where(table.thread == thread.id))
        await changed(connection, thread.id, elements=0, singles=0, deleted=True)


async def delete_runs(connection: AsyncConnection, run_ids: Sequence[str], serde: SerializerProtocol) -> None:
    """Take away the checkpoints of the runs, and what their tasks wrote.

    Raises `DeltaHistoryError` when checkpoints of other runs build delta channels from them; nothing is deleted then.
    """
    wanted = [str(run_id) for run_id in run_ids]
    found = select(StateCheckpointRow.thread).where(StateCheckpointRow.run_id.in_(wanted)).distinct()
    for thread in await _threads(connection, StateThreadRow.id.in_(found)):
        tree = await tree_of(connection, thread.id, serde)
        doomed = [node for node in tree if node.run_id in wanted]
        spared = [node for node in tree if node.run_id not in wanted]
        if needed := needed_for_deltas(tree, spared) & {node.seq for node in doomed}:
            runs = sorted({str(node.run_id) for node in doomed if node.seq in needed})
            raise DeltaHistoryError(thread=thread.name, runs=runs)
        await _remove(connection, thread.id, doomed, spared)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A checkpoint among the others of its thread."""

    seq: int
    ns: str
    checkpoint_id: str
    parent_id: str | None
    run_id: str | None
    record: CheckpointRecord


async def _threads(connection: AsyncConnection, condition: Any) -> Sequence[Any]:
    query = select(StateThreadRow.id, StateThreadRow.name).where(condition).order_by(StateThreadRow.id)
    return (await connection.execute(query.with_for_update())).all()


async def tree_of(connection: AsyncConnection, thread: int, serde: SerializerProtocol) -> list[Node]:
    """Return the checkpoints of the thread in the database's order."""
    query = select(*StateCheckpointRow.__table__.columns).where(StateCheckpointRow.thread == thread)
    rows = await connection.execute(query.order_by(StateCheckpointRow.seq))
    return [
        Node(
            seq=row.seq,
            ns=row.ns,
            checkpoint_id=row.checkpoint_id,
            parent_id=row.parent_id,
            run_id=row.run_id,
            record=decode(row.data, serde),
        )
        for row in rows
    ]


def needed_for_deltas(tree: Iterable[Node], kept: Iterable[Node]) -> set[int]:
    """Return the `seq` of the ancestors whose writes or snapshots build the delta channels of the kept checkpoints."""
    by_id = {(node.ns, node.checkpoint_id): node for node in tree}
    needed: set[int] = set()
    for node in kept:
        open_channels = set(node.record.metadata.get("counters_since_delta_snapshot", ())) - node.record.places.keys()
        current = node
        while open_channels and current.parent_id and (parent := by_id.get((node.ns, current.parent_id))):
            needed.add(parent.seq)
            open_channels -= parent.record.places.keys()
            current = parent
    return needed


async def _remove(connection: AsyncConnection, thread: int, doomed: Sequence[Node], spared: Sequence[Node]) -> None:
    if not doomed:
        return
    await drop_checkpoints(connection, thread, doomed)
    await cut_off_parents(connection, children_of(doomed, spared))
    await drop_items(connection, thread, await garbage(connection, thread, spared))
    await changed(connection, thread)


async def drop_checkpoints(connection: AsyncConnection, thread: int, doomed: Sequence[Node]) -> None:
    """Take the checkpoints away, with what was written under them."""
    for at in range(0, len(doomed), _AT_ONCE):
        seqs = [node.seq for node in doomed[at : at + _AT_ONCE]]
        await connection.execute(delete(StateCheckpointRow).where(StateCheckpointRow.seq.in_(seqs)))
    here = (StateWriteRow.thread == thread, StateWriteRow.ns == bindparam("b_ns"))
    under = delete(StateWriteRow).where(*here, StateWriteRow.checkpoint_id == bindparam("b_id"))
    await connection.execute(under, [{"b_ns": node.ns, "b_id": node.checkpoint_id} for node in doomed])


def children_of(parents: Iterable[Node], among: Iterable[Node]) -> list[Node]:
    """Return those whose parent is one of these."""
    there = {(node.ns, node.checkpoint_id) for node in parents}
    return [node for node in among if (node.ns, node.parent_id) in there]


async def cut_off_parents(connection: AsyncConnection, orphans: Sequence[Node]) -> None:
    """Let these checkpoints have no parent."""
    for at in range(0, len(orphans), _AT_ONCE):
        mine = StateCheckpointRow.seq.in_([node.seq for node in orphans[at : at + _AT_ONCE]])
        await connection.execute(update(StateCheckpointRow).where(mine).values(parent_id=None))


async def garbage(connection: AsyncConnection, thread: int, spared: Iterable[Node]) -> list[int]:
    """Return the numbers of the items that none of these checkpoints refers to."""
    places = [place for node in spared for place in node.record.places.values()]
    reached = await Contents(thread, "").reach(connection, places)
    numbers = await connection.scalars(select(StateItemRow.number).where(StateItemRow.thread == thread))
    return [number for number in numbers if number not in reached]


async def drop_items(connection: AsyncConnection, thread: int, numbers: Sequence[int]) -> None:
    """Take the items away."""
    for at in range(0, len(numbers), _AT_ONCE):
        mine = StateItemRow.number.in_(numbers[at : at + _AT_ONCE])
        await connection.execute(delete(StateItemRow).where(StateItemRow.thread == thread, mine))


async def changed(connection: AsyncConnection, thread: int, **values: Any) -> None:
    """Tell who remembers the thread that items may be gone."""
    moved = {"removals": StateThreadRow.removals + 1, "changes": StateThreadRow.changes + 1}
    await connection.execute(update(StateThreadRow).where(StateThreadRow.id == thread).values(**moved, **values))
