"""Inputs, answers and interrupts of queued runs as bytes: what state may hold, they may hold."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.base import SerializerProtocol

from trunkline.runtime.storage.checkpoints.frame import frame, pack, unframe, unpack
from trunkline.runtime.storage.checkpoints.serializer import StrictSerializer


class Payloads:
    """Values to bytes and back, with the serialiser of the state."""

    def __init__(self, serde: SerializerProtocol) -> None:
        self._serde = serde

    def dumps(self, value: Any) -> bytes:
        """Return the value's bytes. Raises `TypeNotAllowedError`."""
        typed = self._serde.dumps_typed(value)
        if isinstance(self._serde, StrictSerializer):
            self._serde.require_allowed(typed)
        return pack(frame(typed))

    def loads(self, data: bytes) -> Any:
        """Return the value of these bytes."""
        return self._serde.loads_typed(unframe(unpack(data)))


def payloads_of(graph: Any) -> Payloads:
    """Return the payloads of a compiled graph: of the types that its state may hold."""
    saver = graph.checkpointer
    return Payloads(saver.serde if isinstance(saver, BaseCheckpointSaver) else StrictSerializer(()))
