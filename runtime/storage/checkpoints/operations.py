"""What the writer is asked to save, serialised already: a checkpoint, or what a task wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from langgraph.checkpoint.base import CheckpointMetadata
from langgraph.checkpoint.serde.base import SerializerProtocol


class Value(NamedTuple):
    """A channel's value that is one item."""

    plain: bytes
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """A channel's value that is a list."""

    kind: str
    """`LIST` or `DELTA_LIST`."""

    elements: Sequence[Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveCheckpoint:
    """A checkpoint to save."""

    thread: str
    ns: str
    checkpoint_id: str
    parent_id: str | None
    token: int | None
    branches: bool
    """Whether its parent may have other children."""

    checkpoint: dict[str, Any]
    metadata: CheckpointMetadata
    new: Mapping[str, Value | Values]
    """The values of the channels that changed."""

    emptied: frozenset[str]
    """The channels that changed and have no value now."""

    carried: Mapping[str, Value | Values]
    """The values of the others, for those that the parent turns out not to have."""

    serde: SerializerProtocol


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWrite:
    """One value that a task wrote to a channel."""

    idx: int
    channel: str
    plain: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveWrites:
    """What a task wrote, to save."""

    thread: str
    ns: str
    checkpoint_id: str
    task_id: str
    task_path: str
    token: int | None
    writes: Sequence[TaskWrite]


Operation = SaveCheckpoint | SaveWrites
