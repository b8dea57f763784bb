"""Images of messages: what this process has serialised or read once, it need not serialise or build again.

A conversation's messages are serialised at each checkpoint and built at each turn, nearly all of them unchanged. An
image is a copy of a message's content that nobody else can change: a message that equals it is serialised as it was,
and one that somebody changed in place is seen to have changed. A message that is built of an image shares with it only
texts and numbers. Only LangChain's own messages are imaged, and only while all in them are plain values.

All of this is done for every message of a conversation in each of its turns: here microseconds count.
"""

from __future__ import annotations

import marshal
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
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

from trunkline.runtime.storage.checkpoints.operations import Value

_KINDS = frozenset({AIMessage, AIMessageChunk, ChatMessage, FunctionMessage, HumanMessage, SystemMessage, ToolMessage})
_VERSION = 2
"""Of marshal's format: the newest in which equal content gives equal bytes."""

_BYTES = 64_000_000
_put = object.__setattr__

_Key = tuple[type, Any, Any]
"""A message's class, id, and text. Few messages that differ have it in common, and only one of those has an image."""


@dataclass(slots=True)
class Image:
    """What is known of a message's content."""

    kind: type[BaseMessage]
    fields: dict[str, Any]
    extra: dict[str, Any] | None
    content: bytes
    """Both of these as `marshal` writes them: `1`, `1.0` and `True` are equal to Python, and not to it."""

    exact: bool
    """Whether equal fields are the same fields: there are no numbers in them."""

    flat: tuple[str, ...]
    """The fields that hold a list or a dict in which there are no others."""

    deep: tuple[str, ...]
    """Those that hold one in which there are."""

    value: Value
    fields_set: frozenset[str] | None = None
    """Of the message as it was read; None until it has been."""

    @property
    def key(self) -> _Key:
        """Where the image is found."""
        return _key(self.kind, self.fields)

    def build(self) -> BaseMessage:
        """Return a new message."""
        message = self.kind.__new__(self.kind)
        fields = self.fields.copy()
        for name in self.flat:
            fields[name] = fields[name].copy()
        for name in self.deep:
            fields[name] = _copied(fields[name])
        _put(message, "__dict__", fields)
        _put(message, "__pydantic_extra__", _copied(self.extra))
        _put(message, "__pydantic_fields_set__", set(self.fields_set or ()))
        _put(message, "__pydantic_private__", None)
        return message

    def shows(self, message: Any) -> bool:
        """Whether the message, whose key is the image's, has this content."""
        fields, extra = message.__dict__, message.__pydantic_extra__
        if fields != self.fields or extra != self.extra:
            return False
        return self.exact or _content(fields, extra) == self.content

    @property
    def size(self) -> int:
        """About how many bytes it keeps."""
        return 2 * len(self.content) + len(self.value.plain) + 1000


class Images:
    """The images of a process, the oldest of which are given up when they are too large together."""

    def __init__(self) -> None:
        self._by_key: OrderedDict[_Key, Image] = OrderedDict()
        self._by_digest: dict[bytes, Image] = {}
        self._size = 0

    def value_of(self, message: object) -> Value | None:
        """Return how the message is serialised, when its image is known."""
        kind = type(message)
        if kind not in _KINDS:
            return None
        fields = message.__dict__
        image = self._by_key.get((kind, fields.get("id"), _text(fields)))
        return image.value if image and image.shows(message) else None

    def of(self, digest: bytes) -> Image | None:
        """Return the image of which a message can be built."""
        image = self._by_digest.get(digest)
        return image if image and image.fields_set is not None else None

    def keep(self, message: object, value: Value, *, read: bool = False) -> bool:
        """Remember that the message is serialised so, if it can be. `read` tells that it was just built of that."""
        image = _image(message, value, read=read)
        if image is None:
            return False
        self._drop(self._by_key.get(image.key))
        self._drop(self._by_digest.get(value.digest))
        self._by_key[image.key] = self._by_digest[value.digest] = image
        self._size += image.size
        while self._size > _BYTES:
            self._drop(next(iter(self._by_key.values())))
        return True

    def confirm(self, read: Any, digest: bytes) -> None:
        """Note that this was built of what has the digest: if it equals the image, that will do for reading."""
        image = self._by_digest.get(digest)
        if image and type(read) is image.kind and image.shows(read):
            image.fields_set = frozenset(read.__pydantic_fields_set__)

    def _drop(self, image: Image | None) -> None:
        if image:
            self._size -= image.size
            del self._by_key[image.key], self._by_digest[image.value.digest]


def _key(kind: type, fields: dict[str, Any]) -> _Key:
    return kind, fields.get("id"), _text(fields)


def _text(fields: dict[str, Any]) -> str | None:
    text = fields.get("content")
    return text if type(text) is str else None


def _image(message: object, value: Value, *, read: bool) -> Image | None:
    if type(message) not in _KINDS or not isinstance(message, BaseMessage):
        return None
    fields, extra = message.__dict__, message.__pydantic_extra__
    content = _content(fields, extra)
    if content is None or not _is_plain(message):
        return None
    own_fields, own_extra = _copied(fields), _copied(extra)
    holding = [name for name, held in own_fields.items() if isinstance(held, list | dict)]
    deep = tuple(name for name in holding if any(isinstance(one, list | dict) for one in _members(own_fields[name])))
    return Image(
        kind=type(message),
        fields=own_fields,
        extra=own_extra,
        content=content,
        exact=not _has_numbers((own_fields, own_extra)),
        flat=tuple(name for name in holding if name not in deep),
        deep=deep,
        value=value,
        fields_set=frozenset(message.__pydantic_fields_set__) if read else None,
    )


def _content(fields: Any, extra: Any) -> bytes | None:
    try:
        return marshal.dumps((fields, extra), _VERSION)
    except ValueError:
        return None


def _is_plain(message: BaseMessage) -> bool:
    """Whether marshal keeps the content as it is. It would take an array for bytes; JSON has neither."""
    try:
        orjson.dumps((message.__dict__, message.__pydantic_extra__))
    except TypeError:
        return False
    return message.__pydantic_private__ is None


def _copied(value: Any) -> Any:
    match value:
        case dict():
            fields = cast("dict[str, Any]", value)
            return {name: _copied(held) for name, held in fields.items()}
        case list():
            return [_copied(held) for held in cast("Iterable[Any]", value)]
        case _:
            return value


def _members(value: Any) -> Iterable[Any]:
    return cast("dict[str, Any]", value).values() if isinstance(value, dict) else value


def _has_numbers(value: Any) -> bool:
    if isinstance(value, dict | list | tuple):
        return any(map(_has_numbers, _members(value)))
    return not (value is None or isinstance(value, str))
