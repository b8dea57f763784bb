"""Values as plain JSON data in which equal values are equal: what keys and fingerprints are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

_PLAIN: frozenset[type] = frozenset({str, int, float, bool, type(None)})
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def plain(value: Any) -> Any:
    """Return the value as JSON data; sets are sorted, models and dataclasses are objects."""
    if type(value) in _PLAIN:
        return value
    match value:
        case BaseModel():
            return {name: plain(item) for name, item in value}
        case Mapping():
            return {_name(name): plain(item) for name, item in value.items()}  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
        case Set():
            return sorted((plain(item) for item in value), key=canonical_json)  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
        case Sequence() if not isinstance(value, str | bytes | bytearray):
            return [plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
        case _:
            return to_jsonable_python(value, bytes_mode="base64")


def _name(name: Any) -> str:
    return name if type(name) is str else str(to_jsonable_python(name))


def canonical_json(value: Any) -> str:
    """Return the value as JSON on one line, with the keys of objects sorted."""
    return _ENCODER.encode(plain(value))
