"""The tables of `langgraph-checkpoint-sqlite`: the whole state in each checkpoint's row."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.runtime.storage.checkpoints.outline import CheckpointKey, Outline
from trunkline.runtime.storage.checkpoints.serializer import StrictSerializer
from trunkline.runtime.storage.imports.foreign import ForeignCheckpoint, ForeignThread, ForeignWrite, text_of

TABLES = ("checkpoints", "writes")

_NAMES = text("SELECT DISTINCT thread_id FROM checkpoints WHERE thread_id > :after ORDER BY thread_id LIMIT 500")
_CHECKPOINTS = text(
    "SELECT checkpoint_ns, checkpoint_id FROM checkpoints WHERE thread_id = :thread "
    "ORDER BY checkpoint_id, checkpoint_ns"
)
_WRITES = text("SELECT checkpoint_ns, checkpoint_id, task_id, idx FROM writes WHERE thread_id = :thread")
_ONE = "WHERE thread_id = :thread AND checkpoint_ns = :ns AND checkpoint_id = :id"
_CHECKPOINT = text(f"SELECT * FROM checkpoints {_ONE}")
_WRITES_UNDER_ONE = text(f"SELECT * FROM writes {_ONE} ORDER BY task_id, idx")


class SqliteThreads:
    """The threads in a file."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

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
            await connection.exec_driver_sql("BEGIN")
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
        return ForeignCheckpoint(
            key=key,
            parent_id=row.parent_checkpoint_id or None,
            checkpoint=serde.loads_typed((row.type, row.checkpoint)),
            metadata=json.loads(text_of(row.metadata)) if row.metadata is not None else {},
        )

    async def writes(self, key: CheckpointKey) -> Sequence[ForeignWrite]:
        rows = (await self._connection.execute(_WRITES_UNDER_ONE, self._at(key))).mappings()
        return [
            ForeignWrite(
                task_id=row["task_id"],
                task_path=row.get("task_path", ""),  # the column came later
                idx=row["idx"],
                channel=row["channel"],
                typed=(row["type"], row["value"]),
            )
            for row in rows
        ]

    def _at(self, key: CheckpointKey) -> dict[str, Any]:
        return {"thread": self._name, "ns": key[0], "id": key[1]}
