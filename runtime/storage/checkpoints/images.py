"""Images of messages: what this process has serialised or read once, it need not serialise or build again.

A conversation's messages are serialised at each checkpoint and built at each turn, nearly all of them unchanged. An
image is a copy of a message's content that nobody else can change: a message that equals it is serialised as it was,
and one that somebody changed in place is seen to have changed. A message that is built of an image shares with it only
texts and numbers. Only LangChain's own messages are imaged, and only while all in them are plain values.

All of this is done for every message of a conversation in each of its turns: here nanoseconds count.
"""

from __future__ import annotations

import marshal
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, cast

import orjson
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from trunkline.runtime.storage.checkpoints.frame import digest, frame, msgpack_in
from trunkline.runtime.storage.checkpoints.messages import NAMES, Fields, fields_in, message_of, written
from trunkline.runtime.storage.checkpoints.operations import Value

_KINDS = frozenset({AIMessage, AIMessageChunk, ChatMessage, FunctionMessage, HumanMessage, SystemMessage, ToolMessage})
MARSHAL_VERSION = 2
"""The newest in which equal content gives equal bytes."""

_BYTES = 64_000_000
_EMPTY: list[Any] = []
"""Of all images: the fewer objects there are, the less often and the shorter garbage is looked for."""

Key = tuple[type, Any, Any]
"""A message's class, id, and text. Few messages that differ have it in common, and only one of those has an image."""


class Image:
    """What is known of a message's content.

    Of a message that was only read, the rest is made of its bytes when it is first asked for: many are never asked.
    """

    __slots__ = ("counted", "counts", "deep", "extra", "fields", "fields_set", "flat", "key", "kind", "value")

    kind: type[BaseMessage]
    key: Key
    """Where the image is found."""

    value: Value
    fields_set: Iterable[str] | None
    """Of the message as it is read; None when what is read is another."""

    fields: Fields
    extra: Fields | None
    flat: tuple[str, ...]
    """The fields that hold a list or a dict in which there are no others."""

    deep: tuple[str, ...]
    """Those that hold one in which there are."""

    counted: tuple[str, ...]
    """Those in which there are numbers: `1`, `1.0` and `True` are equal to Python, and not the same to a reader."""

    counts: bytes
    """What is in those and in `extra`, as `marshal` writes it."""

    def __init__(self, kind: type[BaseMessage], key: Key, value: Value, fields_set: Iterable[str] | None) -> None:
        self.kind, self.key, self.value, self.fields_set = kind, key, value, fields_set

    @classmethod
    def of(
        cls,
        kind: type[BaseMessage],
        fields: Fields,
        value: Value,
        fields_set: Iterable[str] | None,
        extra: Fields | None = None,
    ) -> Image:
        """Return the image of these fields, which nothing else holds."""
        image = cls(kind, _key(kind, fields), value, fields_set)
        image._take(fields, extra or {})
        return image

    def __getattr__(self, name: str) -> Any:
        """Return what is not there yet. It is called for nothing else."""
        self._take(fields_in(msgpack_in(self.value.plain)), {})
        return object.__getattribute__(self, name)

    def _take(self, fields: Fields, extra: Fields) -> None:
        holding = [name for name, held in fields.items() if isinstance(held, dict | list | tuple)]
        self.deep = tuple(name for name in holding if _holds_others(fields[name]))
        self.flat = tuple(name for name in holding if name not in self.deep)
        self.counted = tuple(name for name, held in fields.items() if type(held) is not str and _has_numbers(held))
        fields.update((name, _EMPTY) for name in self.flat if fields[name] == _EMPTY)
        counts = _counts(fields, extra, self.counted) if self.counted or extra else None
        self.fields, self.extra, self.counts = fields, extra, counts or b""

    def build(self) -> BaseMessage:
        """Return a new message."""
        fields = self.fields.copy()
        for name in self.flat:
            fields[name] = fields[name].copy()
        for name in self.deep:
            fields[name] = _copied(fields[name])
        return message_of(self.kind, fields, _copied(self.extra) if self.extra else {}, set(self.fields_set or ()))

    def shows(self, message: Any) -> bool:
        """Whether the message, whose class is the image's, has this content."""
        fields, extra = message.__dict__, message.__pydantic_extra__
        if fields != self.fields or extra != self.extra:
            return False
        return not self.counts or _counts(fields, extra, self.counted) == self.counts

    @property
    def size(self) -> int:
        """About how many bytes it keeps."""
        return 2 * len(self.value.plain) + 1500


class Images:
    """The images of a process, the oldest of which are given up when they are too large together."""

    def __init__(self) -> None:
        self._by_key: OrderedDict[Key, Image] = OrderedDict()
        self._by_digest: dict[bytes | None, Image] = {}
        self._size = 0

    def seen(self, message: object) -> Image | None:
        """Return the message's image, when it is known."""
        kind = type(message)
        if kind not in _KINDS:
            return None
        fields = message.__dict__
        image = self._by_key.get((kind, fields.get("id"), _text(fields)))
        return image if image and image.shows(message) else None

    def of(self, digests: Iterable[bytes | None]) -> list[Image | None]:
        """Return the images of which messages can be built, None where there is none."""
        return list(map(self._by_digest.get, digests))

    def keep(self, image: Image) -> None:
        """Remember the image."""
        for old in (self._by_key.get(image.key), self._by_digest.get(image.value.digest)):
            if old:
                self._drop(old)
        self._by_key[image.key] = image
        if image.fields_set is not None:
            self._by_digest[image.value.digest] = image
        self._size += image.size
        while self._size > _BYTES:
            self._drop(next(iter(self._by_key.values())))

    def _drop(self, image: Image) -> None:
        if self._by_key.get(image.key) is image:
            self._size -= image.size
            del self._by_key[image.key]
        if self._by_digest.get(image.value.digest) is image:
            del self._by_digest[image.value.digest]


def image_of(message: object) -> Image | None:
    """Return the image of a settled message, serialised without the serialiser. None: it is not one."""
    if (made := written(message)) is None:
        return None
    packed, fields = made
    plain = frame(("msgpack", packed))
    kind = cast("type[BaseMessage]", type(message))
    return Image.of(kind, fields, Value(plain=plain, digest=digest(plain)), NAMES[kind])


def image_of_settled(kind: type[BaseMessage], fields: Fields, value: Value) -> Image:
    """Return the image of a settled message with these fields, which are not kept."""
    return Image(kind, _key(kind, fields), value, NAMES[kind])


def can_have_image(message: object) -> bool:
    """Whether it is one of LangChain's own messages, with nothing but plain values in it.

    Marshal would take an array for bytes; JSON has neither.
    """
    if type(message) not in _KINDS or not isinstance(message, BaseMessage):
        return False
    content: Any = message.__dict__, message.__pydantic_extra__
    try:
        orjson.dumps(content)
        marshal.dumps(content, MARSHAL_VERSION)
    except (TypeError, ValueError):
        return False
    return message.__pydantic_private__ is None


def image_of_read(message: object, read: object, value: Value) -> Image | None:
    """Return the image of any of LangChain's messages, given what came of reading its bytes. None: it has none.

    When that is not the same, the image will not do for reading.
    """
    if not isinstance(message, BaseMessage) or not can_have_image(message):
        return None
    own = _copied(message.__dict__), _copied(message.__pydantic_extra__)
    made = Image.of(type(message), own[0], value, None, own[1])
    if isinstance(read, BaseMessage) and type(read) is made.kind and made.shows(read):
        made.fields_set = frozenset(read.__pydantic_fields_set__)
    return made


def _counts(fields: Fields, extra: Fields | None, counted: Iterable[str]) -> bytes | None:
    """Return what tells values apart that are equal to Python. None: they are not plain."""
    try:
        return marshal.dumps(([fields[name] for name in counted], extra), MARSHAL_VERSION)
    except ValueError:
        return None


def _key(kind: type, fields: Fields) -> Key:
    return kind, fields.get("id"), _text(fields)


def _text(fields: Fields) -> str | None:
    text = fields.get("content")
    return text if type(text) is str else None


def _copied(value: Any) -> Any:
    match value:
        case dict():
            fields = cast("dict[str, Any]", value)
            return {name: _copied(held) for name, held in fields.items()}
        case list():
            return [_copied(held) for held in cast("Iterable[Any]", value)]
        case tuple():
            return tuple(_copied(held) for held in cast("Iterable[Any]", value))
        case _:
            return value


def _members(value: Any) -> Iterable[Any]:
    return cast("dict[str, Any]", value).values() if isinstance(value, dict) else value


def _holds_others(value: Any) -> bool:
    """Whether to copy the value it takes more than its own `copy`."""
    return isinstance(value, tuple) or any(isinstance(member, list | dict | tuple) for member in _members(value))


def _has_numbers(value: Any) -> bool:
    if isinstance(value, dict | list | tuple):
        return any(map(_has_numbers, cast("Iterable[Any]", value))) or (
            isinstance(value, dict) and any(map(_has_numbers, _members(value)))
        )
    return not (value is None or isinstance(value, str))
