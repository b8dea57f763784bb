"""Reads checkpoints: the rows, then the items that they refer to, then the tasks' writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple, PendingWrite, writes_sort_key
from sqlalchemy import and_, bindparam, cast, null, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.storage.checkpoints.codec import Codec
from trunkline.runtime.storage.checkpoints.contents import Contents, Known
from trunkline.runtime.storage.checkpoints.identity import of_checkpoint, of_write
from trunkline.runtime.storage.checkpoints.place import Address, Branchable
from trunkline.runtime.storage.checkpoints.recall import ThreadState
from trunkline.runtime.storage.checkpoints.record import CheckpointRecord, decode
from trunkline.runtime.storage.state_tables import StateCheckpointRow, StateThreadRow, StateWriteRow

_AT_ONCE = 400

ROWS = select(
    StateCheckpointRow.seq,
    StateCheckpointRow.ns,
    StateCheckpointRow.checkpoint_id,
    StateCheckpointRow.parent_id,
    StateCheckpointRow.run_id,
    StateCheckpointRow.data,
    *StateThreadRow.__table__.columns,
).join(StateThreadRow, StateThreadRow.id == StateCheckpointRow.thread)
_THERE = ROWS.where(StateThreadRow.name == bindparam("thread"), StateCheckpointRow.ns == bindparam("ns"))
_NAMED = _THERE.where(StateCheckpointRow.checkpoint_id == bindparam("id"))
_LATEST = _THERE.order_by(StateCheckpointRow.seq.desc()).limit(1)
_OF_A_WRITE = (StateWriteRow.task_id, StateWriteRow.idx, StateWriteRow.task_path, StateWriteRow.channel)


def _with_writes(query: Any) -> Any:
    """Return the query for a checkpoint and, in rows of the same form, for the writes under it."""
    found = query.cte("found")
    under = {"data": StateWriteRow.data, "ns": StateWriteRow.ns, "checkpoint_id": StateWriteRow.checkpoint_id}
    padding = [under.get(each.name, cast(null(), each.type).label(each.name)) for each in found.c]
    here = found.c.id == StateWriteRow.thread, found.c.ns == StateWriteRow.ns
    writes = select(*padding, *_OF_A_WRITE).join(
        found, and_(*here, found.c.checkpoint_id == StateWriteRow.checkpoint_id)
    )
    return union_all(select(found, *(cast(null(), each.type).label(each.name) for each in _OF_A_WRITE)), writes)


_NAMED_WITH_WRITES, _LATEST_WITH_WRITES = _with_writes(_NAMED), _with_writes(_LATEST)
_WRITES = select(*StateWriteRow.__table__.columns).where(StateWriteRow.thread == bindparam("thread"))
_WRITES_UNDER_ONE = _WRITES.where(StateWriteRow.ns == bindparam("ns"), StateWriteRow.checkpoint_id == bindparam("id"))
_WRITES_UNDER_MANY = _WRITES.where(
    tuple_(StateWriteRow.ns, StateWriteRow.checkpoint_id).in_(bindparam("keys", expanding=True))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckpoint:
    """A checkpoint as its row has it, and its thread as it was then."""

    seq: int
    thread: str
    state: ThreadState
    ns: str
    checkpoint_id: str
    parent_id: str | None
    record: CheckpointRecord

    @classmethod
    def of(cls, row: Any, codec: Codec) -> StoredCheckpoint:
        """Return the checkpoint of a row of `ROWS`."""
        return cls(
            seq=row.seq,
            thread=row.name,
            state=ThreadState.of(row),
            ns=row.ns,
            checkpoint_id=row.checkpoint_id,
            parent_id=row.parent_id,
            record=record_of(row, row.name, codec),
        )


WriteKey = tuple[str, str, str]
"""A thread, a namespace, a checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWrite:
    """What a task wrote, as its row has it."""

    task_id: str
    channel: str
    plain: bytes

    def pending(self, codec: Codec) -> PendingWrite:
        """Return it as LangGraph has it."""
        return self.task_id, self.channel, codec.load(self.plain)


def record_of(row: Any, thread: str, codec: Codec) -> CheckpointRecord:
    """Return what a checkpoint's row of the thread holds."""
    return decode(codec.seal.open(row.data, of_checkpoint(thread, row)), codec.serde)


async def find(connection: AsyncConnection, address: Address, codec: Codec) -> StoredCheckpoint | None:
    """Return the checkpoint at the address, or the latest one there."""
    there = {"thread": address.thread, "ns": address.ns}
    if address.checkpoint_id:
        rows = await connection.execute(_NAMED, {**there, "id": str(address.checkpoint_id)})
    else:
        rows = await connection.execute(_LATEST, there)
    row = rows.one_or_none()
    return StoredCheckpoint.of(row, codec) if row else None


async def find_with_writes(
    connection: AsyncConnection, address: Address, codec: Codec
) -> tuple[StoredCheckpoint, list[StoredWrite]] | None:
    """Return the checkpoint at the address, or the latest one there, and what was written under it, by one query."""
    query = _NAMED_WITH_WRITES if address.checkpoint_id else _LATEST_WITH_WRITES
    there = {"thread": address.thread, "ns": address.ns}
    if address.checkpoint_id:
        there["id"] = str(address.checkpoint_id)
    rows = (await connection.execute(query, there)).all()
    of_writes = [row for row in rows if row.task_id is not None]
    for row in rows:
        if row.task_id is None:
            found = StoredCheckpoint.of(row, codec)
            return found, _in_order(of_writes, found.thread, codec).get((found.ns, found.checkpoint_id), [])
    return None


async def writes_of(
    connection: AsyncConnection,
    thread: int,
    name: str,
    checkpoints: Iterable[tuple[str, str]],
    codec: Codec,
    *,
    channels: Collection[str] = (),
) -> dict[tuple[str, str], list[StoredWrite]]:
    """Return the writes under each of a thread's checkpoints (namespace and id), in the order of `writes_sort_key`."""
    wanted = list(checkpoints)
    found: list[Any] = []
    if len(wanted) == 1:
        found.extend(
            await connection.execute(_WRITES_UNDER_ONE, {"thread": thread, "ns": wanted[0][0], "id": wanted[0][1]})
        )
    else:
        query = _WRITES_UNDER_MANY.where(StateWriteRow.channel.in_(channels)) if channels else _WRITES_UNDER_MANY
        for at in range(0, len(wanted), _AT_ONCE):
            found.extend(await connection.execute(query, {"thread": thread, "keys": wanted[at : at + _AT_ONCE]}))
    return _in_order([row for row in found if not channels or row.channel in channels], name, codec)


def _in_order(found: list[Any], thread: str, codec: Codec) -> dict[tuple[str, str], list[StoredWrite]]:
    found.sort(key=lambda row: writes_sort_key(row.task_path, row.task_id, row.idx))
    writes: dict[tuple[str, str], list[StoredWrite]] = {}
    for row in found:
        plain = codec.seal.open(row.data, of_write(thread, row))
        write = StoredWrite(task_id=row.task_id, channel=row.channel, plain=plain)
        writes.setdefault((row.ns, row.checkpoint_id), []).append(write)
    return writes


async def contents_of(
    connection: AsyncConnection, found: Sequence[StoredCheckpoint], codec: Codec, known: Known | None = None
) -> tuple[dict[str, Contents], dict[WriteKey, list[StoredWrite]]]:
    """Return what the checkpoints refer to, by thread, and what was written under them.

    `known` are the images of their one thread's items that need not be read.
    """
    contents: dict[str, Contents] = {}
    writes: dict[WriteKey, list[StoredWrite]] = {}
    for name in {one.thread for one in found}:
        mine = [one for one in found if one.thread == name]
        contents[name] = Contents(mine[0].state.id, name, codec.seal, known)
        await contents[name].load(connection, [place for one in mine for place in one.record.places.values()])
        keys = [(one.ns, one.checkpoint_id) for one in mine]
        under = await writes_of(connection, mine[0].state.id, name, keys, codec)
        writes |= {(name, *key): kept for key, kept in under.items()}
    return contents, writes


def checkpoint_tuple(
    one: StoredCheckpoint,
    contents: Mapping[str, Contents],
    writes: Mapping[WriteKey, Sequence[StoredWrite]],
    codec: Codec,
    *,
    branchable: bool,
) -> CheckpointTuple:
    """Return LangGraph's tuple; `branchable` tells whether a run may go on from it beside others."""
    values = {channel: contents[one.thread].value(place, codec) for channel, place in one.record.places.items()}
    kind = Branchable if branchable else str
    here = Address(thread=one.thread, ns=one.ns, checkpoint_id=kind(one.checkpoint_id))
    under = writes.get((one.thread, one.ns, one.checkpoint_id), ())
    return CheckpointTuple(
        config=here.config(),
        checkpoint=one.record.restored(one.checkpoint_id, values),
        metadata=one.record.metadata,
        parent_config=_parent_config(one),
        pending_writes=[write.pending(codec) for write in under],
    )


def _parent_config(one: StoredCheckpoint) -> Any:
    if one.parent_id is None:
        return None
    return Address(thread=one.thread, ns=one.ns, checkpoint_id=Branchable(one.parent_id)).config()
