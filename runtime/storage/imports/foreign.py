"""What LangGraph's savers keep, as it is read for an import."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata

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


def text_of(value: Any) -> str:
    """Return a column that one version keeps as text and another as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)
