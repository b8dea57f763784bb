"""Images of messages: what this process has serialised or read once, it need not serialise or build again.

A conversation's messages are serialised at each checkpoint and built at each turn, nearly all of them unchanged. An
image is the content of a message as `marshal` writes it, which is many times faster; equal images have equal content,
so a message that somebody changed in place is seen to have changed. A message built of an image shares nothing with
the one that it was made of. Only LangChain's own messages are imaged, and only while all in them are plain values.
"""

from __future__ import annotations

import marshal
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import orjson
from langchain_core.messages import BaseMessage

from trunkline.runtime.storage.checkpoints.operations import Value

_HOME = "langchain_core.messages."
_VERSION = 2
"""Of marshal's format: the newest in which equal content gives equal bytes."""

_BYTES = 64_000_000


@dataclass(slots=True)
class Image:
    """What is known of a message's content."""

    kind: type[BaseMessage]
    content: bytes
    value: Value
    fields_set: frozenset[str] | None = None
    """Of the message as it was read; None until it has been."""

    def build(self) -> BaseMessage:
        """Return a new message."""
        message = self.kind.__new__(self.kind)
        fields, extra = marshal.loads(self.content)
        put = object.__setattr__
        put(message, "__dict__", fields)
        put(message, "__pydantic_extra__", extra)
        put(message, "__pydantic_fields_set__", set(self.fields_set or ()))
        put(message, "__pydantic_private__", None)
        return message

    @property
    def size(self) -> int:
        """About how many bytes it keeps."""
        return len(self.content) + len(self.value.plain) + 500


class Images:
    """The images of a process, the oldest of which are given up when they are too large together."""

    def __init__(self) -> None:
        self._by_content: OrderedDict[tuple[type, bytes], Image] = OrderedDict()
        self._by_digest: dict[bytes, Image] = {}
        self._size = 0

    def value_of(self, message: object) -> Value | None:
        """Return how the message is serialised, when its image is known."""
        content = _content(message)
        image = self._by_content.get((type(message), content)) if content else None
        return image.value if image else None

    def of(self, digest: bytes) -> Image | None:
        """Return the image of which a message can be built."""
        image = self._by_digest.get(digest)
        return image if image and image.fields_set is not None else None

    def keep(self, message: object, value: Value, *, read: bool = False) -> None:
        """Remember that the message is serialised so. `read` tells that it was just built of that."""
        content = _content(message)
        if content is None or not isinstance(message, BaseMessage) or not _is_plain(message):
            return
        image = Image(type(message), content, value, frozenset(message.__pydantic_fields_set__) if read else None)
        self._drop(value.digest)
        self._by_content[image.kind, content] = self._by_digest[value.digest] = image
        self._size += image.size
        while self._size > _BYTES:
            self._drop(next(iter(self._by_content.values())).value.digest)

    def _drop(self, digest: bytes) -> None:
        if image := self._by_digest.pop(digest, None):
            self._size -= image.size
            self._by_content.pop((image.kind, image.content), None)


def _content(message: object) -> bytes | None:
    if not type(message).__module__.startswith(_HOME):
        return None
    try:
        parts: Any = (message.__dict__, message.__pydantic_extra__)  # type: ignore[attr-defined]  # pyright: ignore
        return marshal.dumps(parts, _VERSION)
    except (ValueError, AttributeError):
        return None


def _is_plain(message: BaseMessage) -> bool:
    """Whether marshal keeps the content as it is. It would take an array for bytes; JSON has neither."""
    try:
        orjson.dumps((message.__dict__, message.__pydantic_extra__))
    except TypeError:
        return False
    return message.__pydantic_private__ is None
