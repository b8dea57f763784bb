"""Takes away threads and runs, and the items that no checkpoint refers to any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import DeltaHistoryError
from trunkline.runtime.storage.checkpoints.codec import Codec
from trunkline.runtime.storage.checkpoints.contents import Contents
from trunkline.runtime.storage.checkpoints.identity import checkpoint_identity, of_checkpoint
from trunkline.runtime.storage.checkpoints.read import record_of
from trunkline.runtime.storage.checkpoints.record import CheckpointRecord
from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.state_tables import StateCheckpointRow, StateItemRow, StateThreadRow, StateWriteRow

_AT_ONCE = 500


async def delete_threads(connection: AsyncConnection, names: Sequence[str]) -> None:
    """Take away all that the threads have, and leave their tombstones, so that late writes are refused."""
    for thread in await _threads(connection, StateThreadRow.name.in_(names)):
        for table in (StateCheckpointRow, StateItemRow, StateWriteRow):
            await connection.execute(delete(table).where(table.thread == thread.id))
        await changed(connection, thread, elements=0, singles=0, deleted=True)


async def delete_runs(connection: AsyncConnection, run_ids: Sequence[str], codec: Codec) -> None:
    """Take away the checkpoints of the runs, and what their tasks wrote.

    Raises `DeltaHistoryError` when checkpoints of other runs build delta channels from them; nothing is deleted then.
    """
    wanted = [str(run_id) for run_id in run_ids]
    found = select(StateCheckpointRow.thread).where(StateCheckpointRow.run_id.in_(wanted)).distinct()
    for thread in await _threads(connection, StateThreadRow.id.in_(found)):
        tree = await tree_of(connection, thread, codec)
        doomed = [node for node in tree if node.run_id in wanted]
        spared = [node for node in tree if node.run_id not in wanted]
        if needed := needed_for_deltas(tree, spared) & {node.seq for node in doomed}:
            runs = sorted({str(node.run_id) for node in doomed if node.seq in needed})
            raise DeltaHistoryError(thread=thread.name, runs=runs)
        await _remove(connection, thread, doomed, spared, codec.seal)


class ThreadRef(NamedTuple):
    """A thread, as its rows know it and as it is called."""

    id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A checkpoint among the others of its thread."""

    seq: int
    ns: str
    checkpoint_id: str
    parent_id: str | None
    run_id: str | None
    record: CheckpointRecord


async def _threads(connection: AsyncConnection, condition: Any) -> list[ThreadRef]:
    query = select(StateThreadRow.id, StateThreadRow.name).where(condition).order_by(StateThreadRow.id)
    return [ThreadRef(*row) for row in await connection.execute(query.with_for_update())]


async def tree_of(connection: AsyncConnection, thread: ThreadRef, codec: Codec) -> list[Node]:
    """Return the checkpoints of the thread in the database's order."""
    query = select(*StateCheckpointRow.__table__.columns).where(StateCheckpointRow.thread == thread.id)
    rows = await connection.execute(query.order_by(StateCheckpointRow.seq))
    return [
        Node(
            seq=row.seq,
            ns=row.ns,
            checkpoint_id=row.checkpoint_id,
            parent_id=row.parent_id,
            run_id=row.run_id,
            record=record_of(row, thread.name, codec),
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


async def _remove(
    connection: AsyncConnection, thread: ThreadRef, doomed: Sequence[Node], spared: Sequence[Node], seal: Seal
) -> None:
    if not doomed:
        return
    await drop_checkpoints(connection, thread, doomed)
    await cut_off_parents(connection, thread, children_of(doomed, spared), seal)
    await drop_items(connection, thread, await garbage(connection, thread, spared, seal))
    await changed(connection, thread)


async def drop_checkpoints(connection: AsyncConnection, thread: ThreadRef, doomed: Sequence[Node]) -> None:
    """Take the checkpoints away, with what was written under them."""
    for at in range(0, len(doomed), _AT_ONCE):
        seqs = [node.seq for node in doomed[at : at + _AT_ONCE]]
        await connection.execute(delete(StateCheckpointRow).where(StateCheckpointRow.seq.in_(seqs)))
    here = (StateWriteRow.thread == thread.id, StateWriteRow.ns == bindparam("b_ns"))
    under = delete(StateWriteRow).where(*here, StateWriteRow.checkpoint_id == bindparam("b_id"))
    await connection.execute(under, [{"b_ns": node.ns, "b_id": node.checkpoint_id} for node in doomed])


def children_of(parents: Iterable[Node], among: Iterable[Node]) -> list[Node]:
    """Return those whose parent is one of these."""
    there = {(node.ns, node.checkpoint_id) for node in parents}
    return [node for node in among if (node.ns, node.parent_id) in there]


async def cut_off_parents(connection: AsyncConnection, thread: ThreadRef, orphans: Sequence[Node], seal: Seal) -> None:
    """Let these checkpoints have no parent."""
    for at in range(0, len(orphans), _AT_ONCE):
        mine = StateCheckpointRow.seq.in_([node.seq for node in orphans[at : at + _AT_ONCE]])
        if seal.key:
            await _seal_without_parents(connection, thread, mine, seal)
        await connection.execute(update(StateCheckpointRow).where(mine).values(parent_id=None))


async def _seal_without_parents(connection: AsyncConnection, thread: ThreadRef, which: Any, seal: Seal) -> None:
    again = (
        update(StateCheckpointRow).where(StateCheckpointRow.seq == bindparam("b_seq")).values(data=bindparam("b_data"))
    )
    for row in (await connection.execute(select(*StateCheckpointRow.__table__.columns).where(which))).all():
        alone = checkpoint_identity(
            thread.name, ns=row.ns, checkpoint_id=row.checkpoint_id, parent_id=None, run_id=row.run_id
        )
        data = seal.close(seal.open(row.data, of_checkpoint(thread.name, row)), alone)
        await connection.execute(again, {"b_seq": row.seq, "b_data": data})


async def garbage(connection: AsyncConnection, thread: ThreadRef, spared: Iterable[Node], seal: Seal) -> list[int]:
    """Return the numbers of the items that none of these checkpoints refers to."""
    places = [place for node in spared for place in node.record.places.values()]
    reached = await Contents(thread.id, thread.name, seal).reach(connection, places)
    numbers = await connection.scalars(select(StateItemRow.number).where(StateItemRow.thread == thread.id))
    return [number for number in numbers if number not in reached]


async def drop_items(connection: AsyncConnection, thread: ThreadRef, numbers: Sequence[int]) -> None:
    """Take the items away."""
    for at in range(0, len(numbers), _AT_ONCE):
        mine = StateItemRow.number.in_(numbers[at : at + _AT_ONCE])
        await connection.execute(delete(StateItemRow).where(StateItemRow.thread == thread.id, mine))


async def changed(connection: AsyncConnection, thread: ThreadRef, **values: Any) -> None:
    """Tell who remembers the thread that items may be gone."""
    moved = {"removals": StateThreadRow.removals + 1, "changes": StateThreadRow.changes + 1}
    await connection.execute(update(StateThreadRow).where(StateThreadRow.id == thread.id).values(**moved, **values))
