"""Rolls: the messages of a list as they were when it was last saved, to see at a glance that they still are the same.

A list of messages is nearly always the one before with something added. To compare all of them with a roll takes a few
calls into the interpreter's own loops, where to look each message up takes several calls for each.
"""

from __future__ import annotations

import marshal
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from operator import attrgetter
from typing import Any

from trunkline.runtime.storage.checkpoints.images import MARSHAL_VERSION, Image
from trunkline.runtime.storage.checkpoints.operations import Value

Where = tuple[str, str, str]
"""A thread, a namespace, a channel."""

_BYTES = 64_000_000
_LONG = 16
"""Messages of a list that is worth a roll."""

_fields_of, _extra_of = attrgetter("__dict__"), attrgetter("__pydantic_extra__")


@dataclass(slots=True, eq=False)
class Roll:
    """Messages that a list begins with. Nobody else can change what is in it."""

    kinds: list[type] = field(default_factory=list[type])
    fields: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    values: list[Value] = field(default_factory=list[Value])
    counted: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """The fields with numbers in them, each by its message's position: see `Image.counted`."""

    counts: bytes | None = b""
    """What is in those."""

    size: int = 0
    """About how many bytes it keeps."""

    def begins(self, messages: Sequence[Any]) -> bool:
        """Whether the list begins with these messages, unchanged."""
        length = len(self.kinds)
        head = messages if len(messages) == length else messages[:length]
        if list(map(type, head)) != self.kinds:
            return False
        fields = list(map(_fields_of, head))
        if fields != self.fields or any(map(_extra_of, head)):
            return False
        return not self.counted or _counts(fields, self.counted) == self.counts

    def followed_by(self, images: Iterable[Image]) -> Roll:
        """Return the roll that has these besides."""
        more = list(images)
        fields = [*self.fields, *(image.fields for image in more)]
        new = [(at, name) for at, image in enumerate(more, start=len(self.kinds)) for name in image.counted]
        return Roll(
            kinds=[*self.kinds, *(image.kind for image in more)],
            fields=fields,
            values=[*self.values, *(image.value for image in more)],
            counted=[*self.counted, *new],
            counts=(self.counts or b"") + (_counts(fields, new) or b""),
            size=self.size + sum(image.size for image in more),
        )


class Rolls:
    """The rolls of a process, the oldest of which are given up when they are too large together."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Where, Roll] = OrderedDict()
        self._size = 0

    def beginning(self, where: Where | None, messages: Sequence[Any]) -> Roll:
        """Return the roll of the list that was seen there, or an empty one when this list begins otherwise."""
        roll = self._kept.get(where) if where else None
        return roll if roll and roll.begins(messages) else Roll()

    def keep(self, where: Where, roll: Roll, rest: Iterable[Image | Value]) -> None:
        """Remember the list that was seen there: a roll and what follows it, as far as that has images."""
        images = takewhile(lambda one: isinstance(one, Image) and not one.extra, rest)
        kept = roll.followed_by(one for one in images if isinstance(one, Image))
        self._drop(where)
        if len(kept.kinds) < _LONG:
            return
        self._kept[where] = kept
        self._size += kept.size
        while self._size > _BYTES:
            self._drop(next(iter(self._kept)))

    def _drop(self, where: Where) -> None:
        if roll := self._kept.pop(where, None):
            self._size -= roll.size


def _counts(fields: Sequence[dict[str, Any]], counted: Sequence[tuple[int, str]]) -> bytes | None:
    """Return the values as `marshal` writes them, one after the other. None: they are not plain."""
    try:
        return marshal.dumps([fields[at][name] for at, name in counted], MARSHAL_VERSION)[_HEADER:]
    except ValueError:
        return None


_HEADER = 5
"""Bytes before a list's members: what it is, and how many there are."""
