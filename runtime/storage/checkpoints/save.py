"""Saves what is ready together: checkpoints and tasks' writes of many runs in one transaction, in few statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import StaleWriterError, ThreadConflictError, ThreadDeletedError, TrunklineError
from trunkline.runtime.queue.lease import Lease
from trunkline.runtime.storage.checkpoints.frame import digest, frame
from trunkline.runtime.storage.checkpoints.identity import (
    Identity,
    checkpoint_identity,
    item_identity,
    of_checkpoint,
    of_item,
    write_identity,
)
from trunkline.runtime.storage.checkpoints.manifest import SMALL, Entry, folded, runs
from trunkline.runtime.storage.checkpoints.operations import (
    Operation,
    SaveCheckpoint,
    SaveWrites,
    TaskWrite,
    Value,
    Values,
)
from trunkline.runtime.storage.checkpoints.recall import Recall, RecordKey, ThreadMemory, ThreadState
from trunkline.runtime.storage.checkpoints.record import (
    CheckpointRecord,
    Place,
    decode,
    encode,
    pack_places,
    unpack_places,
)
from trunkline.runtime.storage.checkpoints.rows import Rows
from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.one_of import one_of
from trunkline.runtime.storage.state_tables import StateCheckpointRow, StateItemRow, StateThreadRow
from trunkline.runtime.storage.upsert import upsert

_AT_ONCE = 500
"""Digests in one question: databases limit a statement's parameters."""

_FRESH = {"elements": 0, "singles": 0, "changes": 0, "removals": 0, "token": None, "deleted": False}
"""A new thread's row, but for its name."""

_THERE = StateCheckpointRow.thread == bindparam("thread"), StateCheckpointRow.ns == bindparam("ns")
_CHECKPOINT = select(*StateCheckpointRow.__table__.columns).where(
    *_THERE, StateCheckpointRow.checkpoint_id == bindparam("id")
)
_NEWEST = select(StateCheckpointRow.checkpoint_id).where(*_THERE).order_by(StateCheckpointRow.seq.desc()).limit(1)
_OTHER_CHILD = (
    select(StateCheckpointRow.seq)
    .where(*_THERE, StateCheckpointRow.parent_id == bindparam("parent"))
    .where(StateCheckpointRow.checkpoint_id != bindparam("id"))
    .limit(1)
)
_WRITE_KEY = ("thread", "ns", "checkpoint_id", "task_id", "idx")
_NUMBERS = select(StateItemRow.digest, StateItemRow.number).where(
    StateItemRow.thread == bindparam("thread"), StateItemRow.digest.in_(bindparam("digests", expanding=True))
)
_NUMBERS_AND_DATA = _NUMBERS.add_columns(StateItemRow.data)


@dataclass(slots=True)
class Held:
    """A thread whose row this transaction holds, and what it is about to add."""

    name: str
    before: ThreadState
    state: ThreadState
    known: dict[bytes, int]
    complete: bool
    heads: dict[str, str | None]
    added: dict[bytes, int] = field(default_factory=dict[bytes, int])
    new_heads: dict[str, str | None] = field(default_factory=dict[str, str | None])
    is_learnt: bool = False
    records: dict[RecordKey, CheckpointRecord] = field(default_factory=dict[RecordKey, CheckpointRecord])

    def learnt(self, recall: Recall) -> None:
        """Remember what was committed. All whose operations were in it say so; once is enough."""
        if self.is_learnt:
            return
        self.is_learnt = True
        recall.learn(self.name, self.state, before=self.before, numbers=self.added, heads=self.new_heads)
        for key, record in self.records.items():
            if packed := pack_places(record):
                recall.places.put(key, packed)

    def key(self, ns: str, checkpoint_id: str) -> RecordKey:
        """Return the key under which a record of the thread is remembered."""
        return RecordKey(thread=self.state.id, removals=self.state.removals, ns=ns, checkpoint_id=checkpoint_id)


Together = Sequence[Operation]
"""Operations on one thread, each of which goes on from those before it."""


async def save(
    connection: AsyncConnection, saves: Sequence[Together], recall: Recall, seal: Seal
) -> list[Held | Exception]:
    """Write the operations and return for each save what to remember once it is committed, or why it was refused."""
    if saved := await save_at_once(connection, saves, recall, seal):
        return saved
    threads = await hold(connection, {operations[0].thread for operations in saves}, recall)
    batch = _Batch(connection, recall, seal)
    outcomes = await batch.take_all(saves, threads)
    await batch.rows(threads.values()).send(connection, [thread.before for thread in threads.values()])
    return outcomes


async def save_at_once(
    connection: AsyncConnection,
    saves: Sequence[Together],
    recall: Recall,
    seal: Seal,
    leases: Collection[Lease] = (),
) -> list[Held | Exception] | None:
    """Do as `save` does with one statement that writes, which needs no transaction around it.

    None: nothing was written, because somebody else has changed a thread, or one is new, or something is refused, or
    one of the leases was lost; or the database has no such statement.
    """
    names = {operations[0].thread for operations in saves}
    threads = {name: _held(name, memory) for name in names if (memory := recall.remembered(name))}
    if connection.dialect.name != "postgresql" or len(threads) < len(names):
        return None
    batch = _Batch(connection, recall, seal)
    outcomes = await batch.take_all(saves, threads)
    if any(isinstance(outcome, Exception) for outcome in outcomes):
        return None
    seen = [thread.before for thread in threads.values()]
    return outcomes if await batch.rows(threads.values()).send_at_once(connection, seen, leases) else None


async def hold(connection: AsyncConnection, names: Iterable[str], recall: Recall) -> dict[str, Held]:
    """Hold the rows of the threads until the transaction ends, creating those that are missing."""
    names = sorted(names)
    new = [{"name": name, **_FRESH} for name in names if not recall.knows(name)]
    if len(names) == len(new) == 1:
        row = (await connection.execute(_found_or_made(connection.dialect.name), new)).one()
        return {row.name: _held(row.name, recall.valid(row.name, ThreadState.of(row)))}
    if new:
        await connection.execute(upsert(connection.dialect, StateThreadRow, unique=("name",)), new)
    found: list[Any] = []
    for at in range(0, len(names), _AT_ONCE):
        found.extend(
            await connection.execute(_held_rows(connection.dialect.name), {"names": names[at : at + _AT_ONCE]})
        )
    if len(found) < len(names):  # somebody took rows away by hand
        for name in set(names) - {row.name for row in found}:
            recall.forget(name)
        return await hold(connection, names, recall)
    return {row.name: _held(row.name, recall.valid(row.name, ThreadState.of(row))) for row in found}


@cache
def _found_or_made(dialect: str) -> Any:
    held = upsert(dialect, StateThreadRow, replacing=("name",), unique=("name",))
    return held.returning(*StateThreadRow.__table__.columns)


@cache
def _held_rows(dialect: str) -> Any:
    named = select(*StateThreadRow.__table__.columns).where(one_of(StateThreadRow.name, "names", dialect))
    return named.order_by(StateThreadRow.id).with_for_update()


def _held(name: str, memory: ThreadMemory) -> Held:
    return Held(name, memory.state, memory.state, known=memory.numbers, complete=memory.complete, heads=memory.heads)


class _Batch:
    """The rows of one transaction."""

    def __init__(self, connection: AsyncConnection, recall: Recall, seal: Seal) -> None:
        self._connection = connection
        self._recall = recall
        self._seal = seal
        self._items: list[dict[str, Any]] = []
        self._checkpoints: dict[tuple[int, str, str], dict[str, Any]] = {}
        self._writes: list[dict[str, Any]] = []

    async def take_all(self, saves: Iterable[Together], threads: Mapping[str, Held]) -> list[Held | Exception]:
        """Take the operations, and return for each save its thread or why it is refused.

        What comes before an operation that is refused stands, what comes after it in the same save does not.
        """
        outcomes: list[Held | Exception] = []
        for operations in saves:
            thread = threads[operations[0].thread]
            try:
                for operation in operations:
                    await self._take(operation, thread)
                outcomes.append(thread)
            except TrunklineError as error:
                outcomes.append(error)
        return outcomes

    def rows(self, threads: Iterable[Held]) -> Rows:
        """Return all that is to be written."""
        last = {tuple(row[name] for name in _WRITE_KEY): row for row in self._writes if row["idx"] < 0}
        return Rows(
            items=self._items,
            checkpoints=list(self._checkpoints.values()),
            once=[row for row in self._writes if row["idx"] >= 0],
            last=list(last.values()),
            threads=[thread.state for thread in threads if thread.state != thread.before],
        )

    async def _take(self, operation: Operation, thread: Held) -> None:
        """Check the operation and turn it into rows. Raises what refuses it, and then leaves no rows."""
        _check_token(operation, thread)
        match operation:
            case SaveWrites():
                if thread.state.deleted:
                    raise ThreadDeletedError(thread=thread.name)
                self._writes += [self._write_row(operation, write, thread) for write in operation.writes]
            case SaveCheckpoint():
                await self._take_checkpoint(operation, thread)
        if operation.token is not None:
            thread.state = replace(thread.state, token=operation.token)

    async def _take_checkpoint(self, operation: SaveCheckpoint, thread: Held) -> None:
        parent = await self._parent(operation, thread)
        await self._check_place(operation, thread, parent)
        record = CheckpointRecord(
            checkpoint=operation.checkpoint,
            places=await self._places(operation, thread, parent),
            metadata=operation.metadata,
        )
        self._checkpoints[thread.state.id, operation.ns, operation.checkpoint_id] = {
            "thread": thread.state.id,
            "ns": operation.ns,
            "checkpoint_id": operation.checkpoint_id,
            "parent_id": operation.parent_id,
            "run_id": _run_id(operation),
            "data": self._seal.close(encode(record, operation.serde), _identity(operation)),
        }
        thread.state = replace(thread.state, changes=thread.state.changes + 1, deleted=False)
        thread.records[thread.key(operation.ns, operation.checkpoint_id)] = record
        thread.new_heads[operation.ns] = operation.checkpoint_id

    async def _parent(self, operation: SaveCheckpoint, thread: Held) -> CheckpointRecord | None:
        if operation.parent_id is None:
            return None
        key = thread.key(operation.ns, operation.parent_id)
        if record := thread.records.get(key):
            return record
        if packed := self._recall.places.get(key):
            return unpack_places(packed)
        there = {"thread": thread.state.id, "ns": operation.ns, "id": operation.parent_id}
        row = (await self._connection.execute(_CHECKPOINT, there)).one_or_none()
        return decode(self._seal.open(row.data, of_checkpoint(thread.name, row)), operation.serde) if row else None

    async def _check_place(self, operation: SaveCheckpoint, thread: Held, parent: CheckpointRecord | None) -> None:
        gone = operation.parent_id is not None and parent is None and thread.state.removals > 0
        if gone or (thread.state.deleted and operation.parent_id is not None):
            raise ThreadDeletedError(thread=thread.name)
        begins = operation.parent_id is None and _begins_thread(operation)
        if operation.branches or not (parent or begins):
            return
        head = await self._head(operation, thread)
        if head in {operation.parent_id, operation.checkpoint_id}:
            return
        if begins or await self._has_other_child(operation, thread):
            raise ThreadConflictError(thread=thread.name, ns=operation.ns, parent=operation.parent_id)

    async def _head(self, operation: SaveCheckpoint, thread: Held) -> str | None:
        for heads in (thread.new_heads, thread.heads):
            if operation.ns in heads:
                return heads[operation.ns]
        if thread.state.changes == 0:
            return None
        return await self._connection.scalar(_NEWEST, {"thread": thread.state.id, "ns": operation.ns})

    async def _has_other_child(self, operation: SaveCheckpoint, thread: Held) -> bool:
        here = (thread.state.id, operation.ns)
        for (number, ns, checkpoint_id), row in self._checkpoints.items():
            if (number, ns) == here and row["parent_id"] == operation.parent_id:
                return checkpoint_id != operation.checkpoint_id
        there = {"thread": thread.state.id, "ns": operation.ns}
        family = {"parent": operation.parent_id, "id": operation.checkpoint_id}
        return await self._connection.scalar(_OTHER_CHILD, there | family) is not None

    async def _places(
        self, operation: SaveCheckpoint, thread: Held, parent: CheckpointRecord | None
    ) -> dict[str, Place]:
        places: dict[str, Place] = {}
        values = dict(operation.new)
        for channel, version in operation.checkpoint["channel_versions"].items():
            if channel in operation.new or channel in operation.emptied:
                continue
            if parent and parent.version_of(channel) == version and channel in parent.places:
                places[channel] = parent.places[channel]
            elif channel in operation.carried:
                values[channel] = operation.carried[channel]
        for channel, value in values.items():
            places[channel] = await self._place(thread, value)
        return places

    async def _place(self, thread: Held, value: Value | Values) -> Place:
        if isinstance(value, Value):
            (place,) = await self._positions(thread, [value], kind="singles")
            return place
        positions = await self._positions(thread, value.elements, kind="elements")
        return {value.kind: await self._folded(thread, runs(positions))}

    async def _positions(
        self, thread: Held, values: Sequence[Value], *, kind: Literal["elements", "singles"]
    ) -> list[int | bytes]:
        """Return the values' numbers, giving them numbers and rows where they have none; of small values, the frame."""
        number_of = thread.known.get
        found = [value.plain if len(value.plain) <= SMALL else number_of(value.digest) for value in values]
        if new := [value for value, place in zip(values, found, strict=True) if place is None]:
            await self._keep(thread, new, kind=kind)
        added = thread.added
        return [added[value.digest] if place is None else place for value, place in zip(values, found, strict=True)]

    async def _folded(self, thread: Held, entries: Sequence[Entry]) -> list[Entry]:
        nodes, rest = folded(entries)
        if not nodes:
            return list(rest)
        values = [Value(plain=plain, digest=digest(plain)) for plain in (frame(("msgpack", node)) for node in nodes)]
        return [*await self._folded(thread, await self._positions(thread, values, kind="singles")), *rest]

    async def _keep(self, thread: Held, values: Iterable[Value], *, kind: Literal["elements", "singles"]) -> None:
        """Give the values that the thread does not have yet their numbers and rows."""
        new = {one.digest: one for one in values if one.digest not in thread.known and one.digest not in thread.added}
        if new and not thread.complete:
            for known, number in (await self._numbers(thread, list(new))).items():
                thread.added[known] = number
                del new[known]
        if not new:
            return
        first, sign = (thread.state.elements + 1, 1) if kind == "elements" else (thread.state.singles + 1, -1)
        for count, one in enumerate(new.values(), start=first):
            thread.added[one.digest] = number = sign * count
            digest = self._seal.stored_digest(one.digest, thread.name)
            data = self._seal.close(one.plain, item_identity(thread.name, number, digest))
            self._items.append({"thread": thread.state.id, "number": number, "digest": digest, "data": data})
        last = first + len(new) - 1
        thread.state = (
            replace(thread.state, elements=last) if kind == "elements" else replace(thread.state, singles=last)
        )

    async def _numbers(self, thread: Held, digests: Sequence[bytes]) -> dict[bytes, int]:
        """Return the numbers of those that the thread has. A seal is opened to see that no row has another's digest."""
        query = _NUMBERS_AND_DATA if self._seal.key else _NUMBERS
        wanted = {self._seal.stored_digest(one, thread.name): one for one in digests}
        asked, found = list(wanted), dict[bytes, int]()
        for at in range(0, len(asked), _AT_ONCE):
            some = {"thread": thread.state.id, "digests": asked[at : at + _AT_ONCE]}
            for row in await self._connection.execute(query, some):
                if self._seal.key:
                    self._seal.open(row.data, of_item(thread.name, row))
                found[wanted[row.digest]] = row.number
        return found

    def _write_row(self, operation: SaveWrites, write: TaskWrite, thread: Held) -> dict[str, Any]:
        where: dict[str, Any] = {
            "ns": operation.ns,
            "checkpoint_id": operation.checkpoint_id,
            "task_id": operation.task_id,
            "idx": write.idx,
            "task_path": operation.task_path,
            "channel": write.channel,
        }
        data = self._seal.close(write.plain, write_identity(thread.name, **where))
        return {"thread": thread.state.id, **where, "data": data}


def _check_token(operation: Operation, thread: Held) -> None:
    newest = thread.state.token
    if operation.token is not None and newest is not None and operation.token < newest:
        raise StaleWriterError(thread=thread.name, token=operation.token, newest=newest)


def _begins_thread(operation: SaveCheckpoint) -> bool:
    """Whether a run saves its first checkpoint in the belief that the thread has none."""
    return operation.metadata.get("source") == "input" and operation.metadata.get("step") == -1


def _identity(operation: SaveCheckpoint) -> Identity:
    return checkpoint_identity(
        operation.thread,
        ns=operation.ns,
        checkpoint_id=operation.checkpoint_id,
        parent_id=operation.parent_id,
        run_id=_run_id(operation),
    )


def _run_id(operation: SaveCheckpoint) -> str | None:
    run_id = operation.metadata.get("run_id")
    return None if run_id is None else str(run_id)
