"""The tables of `langgraph-checkpoint-postgres`: plain values in each checkpoint's row, the others once per version."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from langgraph.checkpoint.serde.types import TASKS
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.runtime.storage.checkpoints.outline import CheckpointKey, Outline
from trunkline.runtime.storage.checkpoints.serializer import StrictSerializer
from trunkline.runtime.storage.imports.foreign import ForeignCheckpoint, ForeignThread, ForeignWrite

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")

_NAMES = text("SELECT DISTINCT thread_id FROM checkpoints WHERE thread_id > :after ORDER BY thread_id LIMIT 500")
_CHECKPOINTS = text(
    "SELECT checkpoint_ns, checkpoint_id FROM checkpoints WHERE thread_id = :thread "
    "ORDER BY checkpoint_id, checkpoint_ns"
)
_WRITES = text("SELECT checkpoint_ns, checkpoint_id, task_id, idx FROM checkpoint_writes WHERE thread_id = :thread")
_ONE = "WHERE thread_id = :thread AND checkpoint_ns = :ns AND checkpoint_id = :id"
_CHECKPOINT = text(f"SELECT * FROM checkpoints {_ONE}")
_BLOBS = text(
    "SELECT b.channel, b.type, b.blob FROM checkpoint_blobs b JOIN jsonb_each_text("
    f"(SELECT checkpoint -> 'channel_versions' FROM checkpoints {_ONE})"
    ") AS v ON b.channel = v.key AND b.version = v.value WHERE b.thread_id = :thread AND b.checkpoint_ns = :ns"
)
_WRITES_UNDER_ONE = text(f"SELECT * FROM checkpoint_writes {_ONE} ORDER BY task_id, idx")
_SENDS = text(
    "SELECT type, blob FROM checkpoint_writes WHERE thread_id = :thread AND checkpoint_id = :parent "
    "AND channel = :tasks ORDER BY task_path, task_id, idx"
)
_SENDS_APART = 4
"""Checkpoints of older formats leave the sends that wait for the next step with their parent's writes."""


class PostgresThreads:
    """The threads on a server."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    async def names(self) -> AsyncGenerator[str]:
        """Yield the names of the threads, in order."""
        after = ""
        while True:
            async with self._engine.connect() as connection:
                page = list(await connection.scalars(_NAMES, {"after": after}))
            if not page:
                return
            for name in page:
                yield name
            after = page[-1]

    @asynccontextmanager
    async def thread(self, name: str) -> AsyncGenerator[ForeignThread]:
        """Open a thread to read it."""
        async with self._engine.connect() as connection:
            yield _Thread(connection, name)


class _Thread:
    def __init__(self, connection: AsyncConnection, name: str) -> None:
        self._connection, self._name = connection, name

    async def outline(self) -> Outline:
        here = {"thread": self._name}
        checkpoints = await self._connection.execute(_CHECKPOINTS, here)
        writes = await self._connection.execute(_WRITES, here)
        return Outline(
            checkpoints=tuple((row.checkpoint_ns, row.checkpoint_id) for row in checkpoints),
            writes=frozenset((row.checkpoint_ns, row.checkpoint_id, row.task_id, row.idx) for row in writes),
        )

    async def checkpoint(self, key: CheckpointKey, serde: StrictSerializer) -> ForeignCheckpoint:
        row = (await self._connection.execute(_CHECKPOINT, self._at(key))).one()
        checkpoint: dict[str, Any] = row.checkpoint
        values = dict(checkpoint.get("channel_values") or {})
        for blob in await self._connection.execute(_BLOBS, self._at(key)):
            if blob.type != "empty":
                values[blob.channel] = serde.loads_typed((blob.type, blob.blob))
        whole: Any = {**checkpoint, "channel_values": values}
        if whole["v"] < _SENDS_APART and row.parent_checkpoint_id:
            await self._add_sends(whole, row.parent_checkpoint_id, serde)
        parent = row.parent_checkpoint_id or None
        return ForeignCheckpoint(key=key, parent_id=parent, checkpoint=whole, metadata=row.metadata)

    async def writes(self, key: CheckpointKey) -> Sequence[ForeignWrite]:
        rows = (await self._connection.execute(_WRITES_UNDER_ONE, self._at(key))).mappings()
        return [
            ForeignWrite(
                task_id=row["task_id"],
                task_path=row.get("task_path", ""),  # the column came later
                idx=row["idx"],
                channel=row["channel"],
                typed=(row["type"], row["blob"]),
            )
            for row in rows
        ]

    async def _add_sends(self, checkpoint: Any, parent: str, serde: StrictSerializer) -> None:
        found = {"thread": self._name, "parent": parent, "tasks": TASKS}
        rows = (await self._connection.execute(_SENDS, found)).all()
        if rows:
            versions = checkpoint["channel_versions"]
            checkpoint["channel_values"][TASKS] = [serde.loads_typed((row.type, row.blob)) for row in rows]
            versions[TASKS] = max(versions.values(), default=f"{1:032}.0")

    def _at(self, key: CheckpointKey) -> dict[str, Any]:
        return {"thread": self._name, "ns": key[0], "id": key[1]}
