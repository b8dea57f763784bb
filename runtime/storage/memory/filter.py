"""Filters of a search, on values that are JSON.

They hold as in LangGraph's `InMemoryStore`, on both databases, with two differences: what cannot be compared is not
found, where that one raises, and texts that are not numbers are compared as texts.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement

from trunkline.errors import StoreFilterError
from trunkline.runtime.storage.memory_tables import MemoryItemRow

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def matches(value: Any, wanted: Any) -> bool:
    """Return whether a value is as wanted, a dictionary in the keys that are named. Raises `StoreFilterError`."""
    match wanted:
        case Mapping():
            named = cast("Mapping[str, Any]", wanted)
            if any(key.startswith("$") for key in named):
                return all(_applies(value, key, operand) for key, operand in named.items())
            return isinstance(value, dict) and all(matches(value.get(key), part) for key, part in named.items())
        case list() | tuple():
            parts, found = cast("Sequence[Any]", wanted), cast("Sequence[Any]", value)
            return isinstance(value, list) and len(found) == len(parts) and all(map(matches, found, parts))
        case _:
            return bool(value == wanted)


def hints(wanted: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    """Return conditions that every item meets which matches, and few others: the texts of the filter are in it."""
    texts: list[Any] = [one.get("$eq") if isinstance(one, dict) else one for one in wanted.values()]  # pyright: ignore[reportUnknownMemberType]
    return [
        MemoryItemRow.value.contains(json.dumps(text), autoescape=True)
        for text in texts
        if isinstance(text, str) and text.isascii()
    ]


def _applies(value: Any, name: str, operand: Any) -> bool:
    match name:
        case "$eq":
            return bool(value == operand)
        case "$ne":
            return bool(value != operand)
        case "$gt" | "$gte" | "$lt" | "$lte":
            return _compare(value, operand, _ORDERS[name])
        case _:
            raise StoreFilterError(operator=name, operators=["$eq", "$ne", *_ORDERS])


def _compare(value: Any, operand: Any, order: Callable[[Any, Any], bool]) -> bool:
    try:
        return order(float(value), float(operand))
    except (TypeError, ValueError, OverflowError):
        return isinstance(value, str) and isinstance(operand, str) and order(value, operand)
