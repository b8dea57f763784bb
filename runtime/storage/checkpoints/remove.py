"""Takes away threads, runs and old checkpoints, and the items that no checkpoint refers to any more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

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
        await _changed(connection, thread.id, elements=0, singles=0, deleted=True)


async def delete_runs(connection: AsyncConnection, run_ids: Sequence[str], codec: Codec) -> None:
    """Take away the checkpoints of the runs, and what their tasks wrote.

    Raises `DeltaHistoryError` when checkpoints of other runs build delta channels from them; nothing is deleted then.
    """
    wanted = [str(run_id) for run_id in run_ids]
    found = select(StateCheckpointRow.thread).where(StateCheckpointRow.run_id.in_(wanted)).distinct()
    for thread in await _threads(connection, StateThreadRow.id.in_(found)):
        tree = await _tree(connection, thread, codec)
        doomed = [node for node in tree if node.run_id in wanted]
        spared = [node for node in tree if node.run_id not in wanted]
        if needed := _needed_for_deltas(tree, spared) & {node.seq for node in doomed}:
            runs = sorted({str(node.run_id) for node in doomed if node.seq in needed})
            raise DeltaHistoryError(thread=thread.name, runs=runs)
        await _remove(connection, thread, doomed, spared, codec.seal)


async def keep_latest(connection: AsyncConnection, names: Sequence[str], codec: Codec) -> None:
    """Keep the latest checkpoint of each namespace, and those from which its delta channels are built.

    The namespace of a subgraph's call goes with the checkpoint of the root graph from which it was called.
    """
    for thread in await _threads(connection, StateThreadRow.name.in_(names)):
        tree = await _tree(connection, thread, codec)
        heads = {node.ns: node for node in tree}  # in the order of seq, so the last of each namespace stands
        root = heads.get("")
        saved = {node.checkpoint_id for node in tree if node.ns == ""}
        kept = [node for node in heads.values() if not _belongs_to_an_old_root(node, root, saved)]
        needed = _needed_for_deltas(tree, kept) | {node.seq for node in kept}
        spared = [node for node in tree if node.seq in needed]
        await _remove(connection, thread, [node for node in tree if node.seq not in needed], spared, codec.seal)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    seq: int
    ns: str
    checkpoint_id: str
    parent_id: str | None
    run_id: str | None
    record: CheckpointRecord


async def _threads(connection: AsyncConnection, condition: Any) -> Sequence[Any]:
    query = select(StateThreadRow.id, StateThreadRow.name).where(condition).order_by(StateThreadRow.id)
    return (await connection.execute(query.with_for_update())).all()


async def _tree(connection: AsyncConnection, thread: Any, codec: Codec) -> list[_Node]:
    query = select(*StateCheckpointRow.__table__.columns).where(StateCheckpointRow.thread == thread.id)
    rows = await connection.execute(query.order_by(StateCheckpointRow.seq))
    return [
        _Node(
            seq=row.seq,
            ns=row.ns,
            checkpoint_id=row.checkpoint_id,
            parent_id=row.parent_id,
            run_id=row.run_id,
            record=record_of(row, thread.name, codec),
        )
        for row in rows
    ]


def _belongs_to_an_old_root(node: _Node, root: _Node | None, saved: Collection[str]) -> bool:
    """Whether it is in the namespace of a subgraph's call (`name:task`) from a checkpoint that will not be kept."""
    caller = node.record.metadata.get("parents", {}).get("")
    return ":" in node.ns and root is not None and caller in saved and caller != root.checkpoint_id


def _needed_for_deltas(tree: Iterable[_Node], kept: Iterable[_Node]) -> set[int]:
    """Return the ancestors whose writes or snapshots build the delta channels of the kept checkpoints."""
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
    connection: AsyncConnection, thread: Any, doomed: Sequence[_Node], spared: Sequence[_Node], seal: Seal
) -> None:
    if not doomed:
        return
    for at in range(0, len(doomed), _AT_ONCE):
        seqs = [node.seq for node in doomed[at : at + _AT_ONCE]]
        await connection.execute(delete(StateCheckpointRow).where(StateCheckpointRow.seq.in_(seqs)))
    here = (StateWriteRow.thread == thread.id, StateWriteRow.ns == bindparam("b_ns"))
    under = delete(StateWriteRow).where(*here, StateWriteRow.checkpoint_id == bindparam("b_id"))
    await connection.execute(under, [{"b_ns": node.ns, "b_id": node.checkpoint_id} for node in doomed])
    await _cut_off_parents(connection, thread, doomed, spared, seal)
    await _sweep(connection, thread, spared, seal)
    await _changed(connection, thread.id)


async def _cut_off_parents(
    connection: AsyncConnection, thread: Any, doomed: Sequence[_Node], spared: Sequence[_Node], seal: Seal
) -> None:
    gone = {(node.ns, node.checkpoint_id) for node in doomed}
    orphans = [node.seq for node in spared if (node.ns, node.parent_id) in gone]
    for at in range(0, len(orphans), _AT_ONCE):
        mine = StateCheckpointRow.seq.in_(orphans[at : at + _AT_ONCE])
        if seal.key:
            await _seal_without_parents(connection, thread, mine, seal)
        await connection.execute(update(StateCheckpointRow).where(mine).values(parent_id=None))


async def _seal_without_parents(connection: AsyncConnection, thread: Any, which: Any, seal: Seal) -> None:
    again = (
        update(StateCheckpointRow).where(StateCheckpointRow.seq == bindparam("b_seq")).values(data=bindparam("b_data"))
    )
    for row in (await connection.execute(select(*StateCheckpointRow.__table__.columns).where(which))).all():
        alone = checkpoint_identity(
            thread.name, ns=row.ns, checkpoint_id=row.checkpoint_id, parent_id=None, run_id=row.run_id
        )
        data = seal.close(seal.open(row.data, of_checkpoint(thread.name, row)), alone)
        await connection.execute(again, {"b_seq": row.seq, "b_data": data})


async def _sweep(connection: AsyncConnection, thread: Any, spared: Sequence[_Node], seal: Seal) -> None:
    """Take away the items that no spared checkpoint refers to."""
    places = [place for node in spared for place in node.record.places.values()]
    reached = await Contents(thread.id, thread.name, seal).reach(connection, places)
    numbers = await connection.scalars(select(StateItemRow.number).where(StateItemRow.thread == thread.id))
    garbage = [number for number in numbers if number not in reached]
    for at in range(0, len(garbage), _AT_ONCE):
        mine = StateItemRow.number.in_(garbage[at : at + _AT_ONCE])
        await connection.execute(delete(StateItemRow).where(StateItemRow.thread == thread.id, mine))


async def _changed(connection: AsyncConnection, thread: int, **values: Any) -> None:
    moved = {"removals": StateThreadRow.removals + 1, "changes": StateThreadRow.changes + 1}
    await connection.execute(update(StateThreadRow).where(StateThreadRow.id == thread).values(**moved, **values))
