"""Turns what LangGraph hands over into operations: values become bytes here, with the caller's own serialiser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    get_serializable_checkpoint_metadata,
)

from trunkline.runtime.storage.checkpoints.codec import Codec
from trunkline.runtime.storage.checkpoints.operations import SaveCheckpoint, SaveWrites, TaskWrite, Value, Values
from trunkline.runtime.storage.checkpoints.place import Address, Branchable, token_of


def checkpoint_operation(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    new_versions: ChannelVersions,
    *,
    codec: Codec,
    refuse_conflicts: bool,
) -> SaveCheckpoint:
    """Return the operation that saves a checkpoint."""
    address = Address.of(config)
    parent = address.checkpoint_id
    values = checkpoint["channel_values"]
    kept = get_serializable_checkpoint_metadata(config, metadata)
    return SaveCheckpoint(
        thread=address.thread,
        ns=address.ns,
        checkpoint_id=checkpoint["id"],
        parent_id=None if parent is None else str(parent),
        token=token_of(config),
        branches=not refuse_conflicts or isinstance(parent, Branchable),
        checkpoint={key: value for key, value in checkpoint.items() if key not in {"id", "channel_values"}},
        metadata=kept,
        new={
            channel: codec.value(values[channel], (address.thread, address.ns, channel))
            for channel in new_versions
            if channel in values
        },
        emptied=frozenset(channel for channel in new_versions if channel not in values),
        carried=_Lazily(values, codec),
        serde=codec.serde,
    )


def writes_operation(
    config: RunnableConfig,
    writes: Sequence[tuple[str, Any]],
    task_id: str,
    task_path: str,
    *,
    codec: Codec,
) -> SaveWrites:
    """Return the operation that saves what a task wrote."""
    address = Address.of(config)
    return SaveWrites(
        thread=address.thread,
        ns=address.ns,
        checkpoint_id=str(address.checkpoint_id),
        task_id=task_id,
        task_path=task_path,
        token=token_of(config),
        writes=[
            TaskWrite(idx=WRITES_IDX_MAP.get(channel, position), channel=channel, plain=codec.frame(value))
            for position, (channel, value) in enumerate(writes)
        ],
    )


class _Lazily(Mapping[str, Value | Values]):
    """The values of channels, serialised when they are asked for: they hardly ever are."""

    def __init__(self, values: Mapping[str, Any], codec: Codec) -> None:
        self._values, self._codec = values, codec

    def __getitem__(self, channel: str) -> Value | Values:
        return self._codec.value(self._values[channel])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
