"""Values to bytes and back, with the caller's serialiser; what is known already is not done again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.types import _DeltaSnapshot  # pyright: ignore[reportPrivateUsage]

from trunkline.runtime.storage.checkpoints.frame import digest, frame, msgpack_in, unframe
from trunkline.runtime.storage.checkpoints.images import (
    Image,
    Images,
    can_have_image,
    image_of,
    image_of_read,
    image_of_settled,
)
from trunkline.runtime.storage.checkpoints.messages import NAMES, message_of, read_together, written_together
from trunkline.runtime.storage.checkpoints.operations import Value, Values
from trunkline.runtime.storage.checkpoints.record import DELTA_LIST, LIST
from trunkline.runtime.storage.checkpoints.rolls import Rolls, Where
from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.checkpoints.serializer import StrictSerializer


@dataclass(frozen=True, slots=True)
class Codec:
    """A serialiser, what the process knows of messages, and how rows are kept."""

    serde: SerializerProtocol
    images: Images
    rolls: Rolls
    seal: Seal

    def value(self, value: Any, where: Where | None = None) -> Value | Values:
        """Return a channel's value for saving. `where` it is saved is where to remember a list of messages."""
        if value.__class__ is list:
            return self._each(value, LIST, where)
        if isinstance(value, _DeltaSnapshot) and value.value.__class__ is list:
            return self._each(value.value, DELTA_LIST, where)
        return _value(self._one(value))

    def frame(self, value: Any) -> bytes:
        """Return the plain frame of a value. Raises `TypeNotAllowedError`."""
        if self._is_strict and (packed := written_together(value)):
            return frame(("msgpack", packed))
        return self._frame(value)

    def load(self, plain: bytes) -> Any:
        """Return the value of a plain frame."""
        return self.serde.loads_typed(unframe(plain))

    def load_each(self, found: Sequence[Value]) -> list[Any]:
        """Return the values of items, and remember what they are the bytes of."""
        settled = read_together([msgpack_in(one.plain) for one in found]) if self._is_strict else [None] * len(found)
        return [self._loaded(*both) for both in zip(found, settled, strict=True)]

    @property
    def _is_strict(self) -> bool:
        """Whether it is known how messages are serialised."""
        return isinstance(self.serde, StrictSerializer)

    def _loaded(self, found: Value, settled: Any) -> Any:
        if settled:
            kind, fields = settled
            self.images.keep(image_of_settled(kind, fields, found))
            return message_of(kind, fields, {}, set(NAMES[kind]))
        value = self.load(found.plain)
        if image := image_of_read(value, value, found):
            self.images.keep(image)
        return value

    def _each(self, values: Any, kind: str, where: Where | None) -> Values:
        roll = self.rolls.beginning(where, values)
        rest = [self._one(value) for value in values[len(roll.values) :]]
        if where:
            self.rolls.keep(where, roll, rest)
        return Values(kind=kind, elements=[*roll.values, *map(_value, rest)])

    def _one(self, value: Any) -> Image | Value:
        """Return the value's image, or how it is serialised when it cannot have one."""
        if known := self.images.seen(value):
            return known
        image = (image_of(value) if self._is_strict else None) or self._serialised(value)
        if isinstance(image, Image):
            self.images.keep(image)
        return image

    def _serialised(self, value: Any) -> Image | Value:
        plain = self._frame(value)
        made = Value(plain=plain, digest=digest(plain))
        if not can_have_image(value):
            return made
        return image_of_read(value, self.load(plain), made) or made  # now, so that the next turn need not read it

    def _frame(self, value: Any) -> bytes:
        typed = self.serde.dumps_typed(value)
        if isinstance(self.serde, StrictSerializer):
            self.serde.require_allowed(typed)
        return frame(typed)


def _value(one: Image | Value) -> Value:
    return one.value if isinstance(one, Image) else one
