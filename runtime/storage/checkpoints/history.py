"""What a delta channel is built from: the writes along a checkpoint's ancestors, back to a stored value."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from langgraph.checkpoint.base import DeltaChannelHistory
from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.storage.checkpoints.codec import Codec
from trunkline.runtime.storage.checkpoints.contents import Contents
from trunkline.runtime.storage.checkpoints.place import Address
from trunkline.runtime.storage.checkpoints.read import StoredCheckpoint, StoredWrite, find, record_of, writes_of
from trunkline.runtime.storage.checkpoints.record import CheckpointRecord, Place
from trunkline.runtime.storage.state_tables import StateCheckpointRow

_GENERATIONS = 128
"""Ancestors in one query; LangGraph takes a snapshot of a delta channel every 100 updates unless told otherwise."""


async def delta_history(
    connection: AsyncConnection, address: Address, channels: Sequence[str], codec: Codec
) -> Mapping[str, DeltaChannelHistory]:
    """Return for each channel the writes since its last stored value, oldest first, and that value as the seed."""
    target = await find(connection, address, codec)
    seeds: dict[str, Place] = {}
    writes: dict[str, list[StoredWrite]] = {channel: [] for channel in channels}
    if target is None:
        return {channel: {"writes": []} for channel in channels}
    async for page in _ancestors(connection, target, codec):
        keys = [(target.ns, checkpoint_id) for checkpoint_id, _ in page]
        under = await writes_of(connection, target.state.id, target.thread, keys, codec, channels=channels)
        for checkpoint_id, record in page:
            for write in reversed(under.get((target.ns, checkpoint_id), ())):
                if write.channel not in seeds:
                    writes[write.channel].append(write)
            seeds |= {name: record.places[name] for name in writes if name not in seeds and name in record.places}
        if len(seeds) == len(writes):
            break
    contents = Contents(target.state.id, target.thread, codec.seal)
    await contents.load(connection, seeds.values())
    return {channel: _history(channel, writes[channel], seeds, contents, codec) for channel in channels}


async def _ancestors(
    connection: AsyncConnection, target: StoredCheckpoint, codec: Codec
) -> AsyncIterator[list[tuple[str, CheckpointRecord]]]:
    """Yield the ancestors, the nearest first, in pages."""
    next_id = target.parent_id
    while next_id is not None:
        rows = (await connection.execute(_line(target, next_id))).all()
        yield [(row.checkpoint_id, record_of(row, target.thread, codec)) for row in rows]
        next_id = rows[-1].parent_id if len(rows) == _GENERATIONS else None


def _line(target: StoredCheckpoint, checkpoint_id: str) -> Any:
    here = StateCheckpointRow.thread == target.state.id, StateCheckpointRow.ns == target.ns
    columns = (
        StateCheckpointRow.ns,
        StateCheckpointRow.checkpoint_id,
        StateCheckpointRow.parent_id,
        StateCheckpointRow.run_id,
        StateCheckpointRow.data,
    )
    first = select(*columns, literal(1).label("depth")).where(*here, StateCheckpointRow.checkpoint_id == checkpoint_id)
    line = first.cte("line", recursive=True)
    above = select(*columns, line.c.depth + 1).where(
        *here, StateCheckpointRow.checkpoint_id == line.c.parent_id, line.c.depth < _GENERATIONS
    )
    line = line.union_all(above)
    return select(line).order_by(line.c.depth)


def _history(
    channel: str,
    writes: Sequence[StoredWrite],
    seeds: Mapping[str, Place],
    contents: Contents,
    codec: Codec,
) -> DeltaChannelHistory:
    history: DeltaChannelHistory = {"writes": [write.pending(codec) for write in reversed(writes)]}
    if channel in seeds:
        history["seed"] = contents.value(seeds[channel], codec)
    return history
