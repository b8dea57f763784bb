"""Turns what LangGraph hands over into operations: values become bytes here, with the caller's own serialiser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.types import _DeltaSnapshot  # pyright: ignore[reportPrivateUsage]

from trunkline.runtime.storage.checkpoints.frame import digest, frame
from trunkline.runtime.storage.checkpoints.operations import SaveCheckpoint, SaveWrites, TaskWrite, Value, Values
from trunkline.runtime.storage.checkpoints.place import Address, Branchable, token_of
from trunkline.runtime.storage.checkpoints.record import DELTA_LIST, LIST
from trunkline.runtime.storage.checkpoints.serializer import StrictSerializer


def checkpoint_operation(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    new_versions: ChannelVersions,
    *,
    serde: SerializerProtocol,
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
        new={channel: _value(values[channel], serde) for channel in new_versions if channel in values},
        emptied=frozenset(channel for channel in new_versions if channel not in values),
        carried=_Lazily(values, serde),
        serde=serde,
    )


def writes_operation(
    config: RunnableConfig,
    writes: Sequence[tuple[str, Any]],
    task_id: str,
    task_path: str,
    *,
    serde: SerializerProtocol,
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
            TaskWrite(idx=WRITES_IDX_MAP.get(channel, position), channel=channel, plain=_frame(value, serde))
            for position, (channel, value) in enumerate(writes)
        ],
    )


class _Lazily(Mapping[str, Value | Values]):
    """The values of channels, serialised when they are asked for: they hardly ever are."""

    def __init__(self, values: Mapping[str, Any], serde: SerializerProtocol) -> None:
        self._values, self._serde = values, serde

    def __getitem__(self, channel: str) -> Value | Values:
        return _value(self._values[channel], self._serde)

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _value(value: Any, serde: SerializerProtocol) -> Value | Values:
    if type(value) is list:
        return Values(kind=LIST, elements=_elements(value, serde))
    if isinstance(value, _DeltaSnapshot) and type(value.value) is list:
        return Values(kind=DELTA_LIST, elements=_elements(value.value, serde))
    return _one(value, serde)


def _elements(values: Sequence[Any], serde: SerializerProtocol) -> list[Value]:
    return [_one(value, serde) for value in values]


def _one(value: Any, serde: SerializerProtocol) -> Value:
    plain = _frame(value, serde)
    return Value(plain=plain, digest=digest(plain))


def _frame(value: Any, serde: SerializerProtocol) -> bytes:
    typed = serde.dumps_typed(value)
    if isinstance(serde, StrictSerializer):
        serde.require_allowed(typed)
    return frame(typed)
