"""LangChain's messages as plain fields: written and built without pydantic, where that comes to the same.

A message is settled when its class, called with its fields, would make a message with exactly those fields, and when
dumping it would give them too: nothing in them is of a type that pydantic turns into another, fills in or leaves out.
Nearly all messages are. The bytes of a settled message are those that LangGraph's serialiser makes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import ormsgpack
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import EXT_PYDANTIC_V2, _option  # pyright: ignore[reportPrivateUsage]

Fields = dict[str, Any]
_new, _put = object.__new__, object.__setattr__

_READING = ormsgpack.OPT_NON_STR_KEYS
_METHOD = "model_validate_json"
_MESSAGE = {"content": (str, list), "additional_kwargs": (dict,), "response_metadata": (dict,), "type": (str,)}
_NAMED = {"name": (str, type(None)), "id": (str, type(None))}
_OF_AI = {"tool_calls": (list,), "invalid_tool_calls": (list,), "usage_metadata": (dict, type(None))}
_ANYTHING = (type(None), str, bool, int, float, list, dict)
_OF_TOOL = {"tool_call_id": (str,), "artifact": _ANYTHING, "status": (str,)}
_SHAPES: dict[type[BaseMessage], dict[str, tuple[type, ...]]] = {
    AIMessage: {**_MESSAGE, **_NAMED, **_OF_AI},
    HumanMessage: {**_MESSAGE, **_NAMED},
    SystemMessage: {**_MESSAGE, **_NAMED},
    ToolMessage: {**_MESSAGE, **_NAMED, **_OF_TOOL},
}
NAMES = {kind: tuple(shape) for kind, shape in _SHAPES.items()}
"""Of all fields, in their order. A message that is read has set them all."""

_TYPES = {kind: frozenset(product(*shape.values())) for kind, shape in _SHAPES.items()}
"""The types of the fields, together: to look up one tuple is quicker than to check them one by one."""

_TAGS: dict[type[BaseMessage], str] = {
    AIMessage: "ai",
    HumanMessage: "human",
    SystemMessage: "system",
    ToolMessage: "tool",
}
_BY_NAME = {f"{kind.__module__}:{kind.__name__}": kind for kind in _SHAPES}
_PARTS = ("module", "name", "fields", "method")
"""What the bytes of a message hold."""

_TOOL_CALL = ("name", "args", "id", "type")
_USAGE = ("input_tokens", "output_tokens", "total_tokens")
_DETAILS = {
    "input_token_details": ("audio", "cache_creation", "cache_read"),
    "output_token_details": ("audio", "reasoning"),
}
_SHORT, _LONG = 0xC7, 0xC8
"""How msgpack begins an extension of up to 255 bytes, and one of up to 65,535."""

_HEADER = 4
"""Bytes of such a beginning at most."""

_ARRAY, _NIL = b"\xdd", b"\xc0"
_TOGETHER = 256
"""Messages that are unpacked together, and if one of them cannot be, one by one."""


def written(message: Any) -> tuple[bytes, Fields] | None:
    """Return the message's bytes, and a copy of its fields that nothing else holds. None: it is not settled."""
    kind: Any = message.__class__
    if kind not in _SHAPES or message.__pydantic_extra__ or not is_settled(kind, message.__dict__):
        return None
    try:
        content = ormsgpack.packb((kind.__module__, kind.__name__, message.__dict__, _METHOD), option=_option)
        fields = ormsgpack.unpackb(content, option=_READING)[2]
    except (TypeError, ValueError):  # there is a value in it that is not plain
        return None
    return ormsgpack.packb(ormsgpack.Ext(EXT_PYDANTIC_V2, content)), fields


def written_together(messages: Any) -> bytes | None:
    """Return the bytes of a message, or of a list of messages. None: there is something else in it."""
    if messages.__class__ is not list:
        made = written(messages)
        return made[0] if made else None
    each = [written(message) for message in messages]
    packed = [made[0] for made in each if made]
    return _list_of(packed) if packed and len(packed) == len(each) else None


def read_together(packed: Sequence[bytes]) -> list[tuple[type[BaseMessage], Fields] | None]:
    """Return the classes and fields of messages, given their bytes; None for what is not a settled message.

    All are unpacked in one go, which costs far less than one after the other.
    """
    contents = [_content(each) or _NIL for each in packed]
    unpacked: list[Any] = []
    for at in range(0, len(contents), _TOGETHER):
        unpacked += _unpacked(contents[at : at + _TOGETHER])
    return list(map(_settled, unpacked))


def fields_in(packed: bytes) -> Fields:
    """Return the fields of a settled message, given its bytes."""
    fields: Fields = ormsgpack.unpackb(_content(packed) or _NIL, option=_READING)[2]
    return fields


def message_of(kind: type[BaseMessage], fields: Fields, extra: Fields, fields_set: set[str]) -> BaseMessage:
    """Return a message that consists of just these."""
    message = _new(kind)
    _put(message, "__dict__", fields)
    _put(message, "__pydantic_extra__", extra)
    _put(message, "__pydantic_fields_set__", fields_set)
    _put(message, "__pydantic_private__", None)
    return message


def is_settled(kind: type[BaseMessage], fields: Fields) -> bool:
    """Whether the class, which has a shape, would keep these fields as they are."""
    if tuple(fields) != NAMES[kind] or tuple(map(type, fields.values())) not in _TYPES[kind]:
        return False
    content = fields["content"]
    if fields["type"] != _TAGS[kind] or (type(content) is list and not _are(content, (str, dict))):
        return False
    more = _MORE.get(kind)
    return more is None or more(fields)


def _of_ai(fields: Fields) -> bool:
    calls, usage = fields["tool_calls"], fields["usage_metadata"]
    if fields["invalid_tool_calls"] or (not calls and "tool_calls" in fields["additional_kwargs"]):
        return False
    return all(map(_is_call, calls)) and (usage is None or _is_usage(usage))


def _of_tool(fields: Fields) -> bool:
    return fields["status"] in {"success", "error"}


_MORE: dict[type[BaseMessage], Callable[[Fields], bool]] = {AIMessage: _of_ai, ToolMessage: _of_tool}


def _is_call(call: Any) -> bool:
    if call.__class__ is not dict or tuple(call) != _TOOL_CALL or call["type"] != "tool_call":
        return False
    name, args, call_id = call["name"], call["args"], call["id"]
    return type(name) is str and type(args) is dict and _are(args, (str,)) and type(call_id) in {str, type(None)}


def _is_usage(usage: Fields) -> bool:
    counts, details = tuple(usage)[:3], tuple(usage)[3:]
    if counts != _USAGE or details != tuple(name for name in _DETAILS if name in details):
        return False
    return _are([usage[name] for name in counts], (int,)) and all(_are_details(name, usage[name]) for name in details)


def _are_details(name: str, details: Any) -> bool:
    if details.__class__ is not dict or tuple(details) != tuple(each for each in _DETAILS[name] if each in details):
        return False
    return _are(details.values(), (int,))


def _are(values: Any, types: tuple[type, ...]) -> bool:
    return all(type(value) in types for value in values)


def _content(packed: bytes) -> bytes | None:
    """Return what is in the extension that a message is."""
    if len(packed) < _HEADER:
        return None
    if packed[0] == _SHORT and packed[2] == EXT_PYDANTIC_V2:
        return packed[3:]
    return packed[4:] if packed[0] == _LONG and packed[3] == EXT_PYDANTIC_V2 else None


def _list_of(packed: Sequence[bytes]) -> bytes:
    """Return the bytes of a list, given those of its members."""
    count = len(packed)
    if count < 1 << 4:
        return bytes((0x90 | count,)) + b"".join(packed)
    head = b"\xdc" + count.to_bytes(2, "big") if count < 1 << 16 else _ARRAY + count.to_bytes(4, "big")
    return head + b"".join(packed)


def _unpacked(contents: Sequence[bytes]) -> Sequence[Any]:
    try:
        unpacked: list[Any] = ormsgpack.unpackb(
            _ARRAY + len(contents).to_bytes(4, "big") + b"".join(contents), option=_READING
        )
    except ValueError:  # in one of them is a value that is not plain
        return [_unpacked([content])[0] for content in contents] if len(contents) > 1 else [None]
    return unpacked


def _settled(parts: Any) -> tuple[type[BaseMessage], Fields] | None:
    if parts.__class__ is not list or len(parts) != len(_PARTS) or parts[2].__class__ is not dict:
        return None
    kind = _BY_NAME.get(f"{parts[0]}:{parts[1]}")
    return (kind, parts[2]) if kind and is_settled(kind, parts[2]) else None
