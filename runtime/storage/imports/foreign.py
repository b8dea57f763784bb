"""What LangGraph's savers keep, as it is read for an import."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata
from langgraph.checkpoint.serde._msgpack import SAFE_MSGPACK_TYPES

from trunkline.runtime.storage.checkpoints.outline import CheckpointKey, Outline
from trunkline.runtime.storage.checkpoints.serializer import StrictSerializer


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignCheckpoint:
    """A checkpoint with all its values."""

    key: CheckpointKey
    parent_id: str | None
    checkpoint: Checkpoint
    metadata: CheckpointMetadata


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignWrite:
    """One value that a task wrote, as its saver serialised it."""

    task_id: str
    task_path: str
    idx: int
    channel: str
    typed: tuple[str, bytes]


class ForeignThread(Protocol):
    """One thread, read from one state of the database."""

    async def outline(self) -> Outline:
        """Return its checkpoints in the order in which the last is the latest, and the writes."""
        ...

    async def checkpoint(self, key: CheckpointKey, serde: StrictSerializer) -> ForeignCheckpoint:
        """Return a checkpoint. Raises what the serialiser raises."""
        ...

    async def writes(self, key: CheckpointKey) -> Sequence[ForeignWrite]:
        """Return what tasks wrote under a checkpoint."""
        ...


class Foreign(Protocol):
    """The tables of one of LangGraph's savers. Nothing is written to them."""

    def names(self) -> AsyncGenerator[str]:
        """Yield the names of the threads, in order."""
        ...

    def thread(self, name: str) -> AbstractAsyncContextManager[ForeignThread]:
        """Open a thread to read it."""
        ...


class ForeignSerializer(StrictSerializer):
    """Reads what LangGraph wrote, also in its oldest form, JSON; there too a type that is not on the list is refused.

    LangGraph's own hands out the bare fields of such a one.
    """

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return the value. Raises `TypeNotAllowedError`, and `NotImplementedError` for what nobody can read so."""
        if data[0] == "json":
            json.loads(data[1], object_hook=self._refuse_unknown)
        return super().loads_typed(data)

    def _refuse_unknown(self, value: dict[str, Any]) -> dict[str, Any]:
        if value.get("lc") == 2 and value.get("type") == "constructor":
            *module, name = value["id"]
            if (".".join(module), name) not in SAFE_MSGPACK_TYPES:
                found = f"a {'.'.join(module)}.{name} as JSON, as LangGraph before 0.3 wrote it; save it anew there"
                raise NotImplementedError(found)
        return value


def text_of(value: Any) -> str:
    """Return a column that one version keeps as text and another as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)
