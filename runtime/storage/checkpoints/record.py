"""What a checkpoint's row holds: the checkpoint without its values, where the values are, and the metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import ormsgpack
from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata
from langgraph.checkpoint.serde.base import SerializerProtocol

from trunkline.runtime.storage.checkpoints.frame import frame, unframe
from trunkline.runtime.storage.checkpoints.manifest import Entry

LIST, DELTA_LIST = "l", "d"

Place = int | bytes | dict[str, list[Entry]]
"""Where a channel's value is: an item's number, the value's own plain frame when it is small, or a manifest: under
`l` that of a list, under `d` that of a list in a delta channel's snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRecord:
    """A checkpoint as it is stored."""

    checkpoint: dict[str, Any]
    """Without `id` and `channel_values`."""

    places: dict[str, Place]
    """By channel, for those that have a value."""

    metadata: CheckpointMetadata

    def version_of(self, channel: str) -> Any:
        """Return the channel's version, None when it has none."""
        return self.checkpoint["channel_versions"].get(channel)

    def restored(self, checkpoint_id: str, values: dict[str, Any]) -> Checkpoint:
        """Return LangGraph's checkpoint."""
        return cast("Checkpoint", {**self.checkpoint, "id": checkpoint_id, "channel_values": values})


def pack_places(record: CheckpointRecord) -> bytes | None:
    """Return what a child needs to know of its parent: channels' versions and places. None: they are not plain.

    The bytes are kept in numbers; as objects they would be so many that looking for garbage among them took long.
    """
    try:
        return ormsgpack.packb((record.checkpoint["channel_versions"], record.places))
    except TypeError:
        return None


def unpack_places(packed: bytes) -> CheckpointRecord:
    """Return a record in which there is no more than that."""
    versions, places = ormsgpack.unpackb(packed)
    return CheckpointRecord(checkpoint={"channel_versions": versions}, places=places, metadata={})


def encode(record: CheckpointRecord, serde: SerializerProtocol) -> bytes:
    """Return the plain frame of a record."""
    parts = {"c": record.checkpoint, "r": record.places, "m": record.metadata}
    return frame(serde.dumps_typed(parts))


def decode(plain: bytes, serde: SerializerProtocol) -> CheckpointRecord:
    """Return the record in a plain frame."""
    parts = serde.loads_typed(unframe(plain))
    return CheckpointRecord(checkpoint=parts["c"], places=parts["r"], metadata=parts["m"])
