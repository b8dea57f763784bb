"""Arrays as PostgreSQL reads them from a text, which is quicker to make than what its driver makes of a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Boolean, Dialect, Integer, LargeBinary
from sqlalchemy.dialects.postgresql import ARRAY


class TextArray(ARRAY[Any]):
    """An array of numbers, truth values, texts or bytes, any of which may be null. It is only for parameters."""

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        """Return what makes a list a text. See PostgreSQL's manual, "Array Value Input Syntax"."""
        del dialect
        shown = _shown(self.item_type)

        def processed(values: Sequence[Any] | None) -> str:
            assert values is not None
            return "{" + ",".join(["NULL" if value is None else shown(value) for value in values]) + "}"

        return processed


def _shown(kind: Any) -> Callable[[Any], str]:
    if isinstance(kind, Boolean | Integer):
        return str
    return _bytes if isinstance(kind, LargeBinary) else _text


def _bytes(value: bytes) -> str:
    return '"\\\\x' + value.hex() + '"'


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
