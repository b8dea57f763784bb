"""Where two values that JSON can hold differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, cast

Path = tuple[str, ...]
"""The names of fields and the indexes of items on the way to a value, outermost first."""


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


NOTHING = _Nothing()
"""Stands where a field or an item is missing."""

_LONGEST = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field that is otherwise than expected."""

    path: Path
    expected: Any
    got: Any
    answer_of: str | None = None
    """The tool in whose answer the field is; None for the state."""

    @property
    def where(self) -> str:
        """The path as people write it: `orders.O1.status`."""
        return ".".join(self.path)

    def __str__(self) -> str:
        values = f"{shown(self.got)} instead of {shown(self.expected)}"
        if self.answer_of is None:
            return f"{self.where or 'the state'} ends as {values}"
        return f"{self.answer_of} answers {self.where + ': ' if self.path else ''}{values}"


def differences(expected: Any, got: Any, *, ignore: Sequence[str] = (), path: Path = ()) -> Iterator[Difference]:
    """Return the smallest fields in which the values differ, in the order of their paths; none for equal ones."""
    if expected == got or any(fnmatchcase(".".join(path), pattern) for pattern in ignore):
        return
    fields, others = _fields(expected), _fields(got)
    if fields is None or others is None:
        yield Difference(path=path, expected=expected, got=got)
        return
    for name in {**fields, **others}:
        here, there = fields.get(name, NOTHING), others.get(name, NOTHING)
        yield from differences(here, there, ignore=ignore, path=(*path, name))


def shown(value: Any) -> str:
    """Return the value in at most 80 signs."""
    text = str(value) if value is NOTHING else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _fields(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
    return None
