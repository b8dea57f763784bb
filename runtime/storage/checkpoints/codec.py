"""Values to bytes and back, with the caller's serialiser; what is known already is not done again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.types import _DeltaSnapshot  # pyright: ignore[reportPrivateUsage]

from trunkline.runtime.storage.checkpoints.frame import digest, frame, unframe
from trunkline.runtime.storage.checkpoints.images import Images
from trunkline.runtime.storage.checkpoints.operations import Value, Values
from trunkline.runtime.storage.checkpoints.record import DELTA_LIST, LIST
from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.checkpoints.serializer import StrictSerializer


@dataclass(frozen=True, slots=True)
class Codec:
    """A serialiser, the images that the process has, and how rows are kept."""

    serde: SerializerProtocol
    images: Images
    seal: Seal

    def value(self, value: Any) -> Value | Values:
        """Return a channel's value for saving."""
        if type(value) is list:
            return self._each(value, LIST)
        if isinstance(value, _DeltaSnapshot) and type(value.value) is list:
            return self._each(value.value, DELTA_LIST)
        return self._one(value)

    def frame(self, value: Any) -> bytes:
        """Return the plain frame of a value. Raises `TypeNotAllowedError`."""
        typed = self.serde.dumps_typed(value)
        if isinstance(self.serde, StrictSerializer):
            self.serde.require_allowed(typed)
        return frame(typed)

    def load(self, plain: bytes, known_as: bytes | None = None) -> Any:
        """Return the value of a plain frame, whose digest may be given so that its image is kept."""
        value = self.serde.loads_typed(unframe(plain))
        if known_as:
            self.images.keep(value, Value(plain=plain, digest=known_as), read=True)
        return value

    def _each(self, values: Any, kind: str) -> Values:
        return Values(kind=kind, elements=[self._one(value) for value in values])

    def _one(self, value: Any) -> Value:
        if known := self.images.value_of(value):
            return known
        plain = self.frame(value)
        made = Value(plain=plain, digest=digest(plain))
        if self.images.keep(value, made):
            self.images.confirm(self.load(plain), made.digest)  # now, so that the next turn need not read it
        return made
