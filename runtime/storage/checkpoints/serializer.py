"""A strict serialiser: a type that is not on the list is refused, by name, when it is written and when it is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Self

import ormsgpack
from langgraph.checkpoint.serde._msgpack import SAFE_MSGPACK_METHODS, SAFE_MSGPACK_TYPES
from langgraph.checkpoint.serde.jsonplus import (
    EXT_DELTA_SNAPSHOT,
    EXT_METHOD_SINGLE_ARG,
    EXT_NUMPY_ARRAY,
    JsonPlusSerializer,
)

from trunkline.errors import TypeNotAllowedError

_OPTION = ormsgpack.OPT_NON_STR_KEYS
TypeName = tuple[str, ...]
"""A type's module and name."""


class StrictSerializer(JsonPlusSerializer):
    """LangGraph's serialiser, which builds values of plain types, of messages, and of the types it is told, and no
    others. LangGraph's own lets any type through, or quietly hands out its bare fields.
    """

    def __init__(self, allowed: Iterable[type | TypeName] = ()) -> None:
        names = {(one.__module__, one.__name__) if isinstance(one, type) else one for one in allowed}
        super().__init__(allowed_msgpack_modules=names or None)
        self._names: Collection[TypeName] = names

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return the value. Raises `TypeNotAllowedError`."""
        self.require_allowed(data)
        return super().loads_typed(data)

    def require_allowed(self, data: tuple[str, bytes]) -> None:
        """Raise `TypeNotAllowedError` when the bytes hold a type that is not on the list. Nothing is built."""
        kind, content = data
        if kind != "msgpack":
            return
        unknown: list[TypeName] = []

        def look(code: int, inside: bytes) -> None:  # what it raised would be hidden
            if name := self._unknown(code, inside, look):
                unknown.append(name)

        ormsgpack.unpackb(content, ext_hook=look, option=_OPTION)
        if unknown:
            raise TypeNotAllowedError(module=unknown[-1][0], name=unknown[-1][1])

    def with_msgpack_allowlist(self, extra_allowlist: Iterable[TypeName | type]) -> Self:
        """Return a serialiser that also builds these types."""
        return type(self)([*self._names, *extra_allowlist])

    def __copy__(self) -> Self:
        return type(self)(self._names)

    def _unknown(self, code: int, content: bytes, look: Callable[[int, bytes], None]) -> TypeName | None:
        if code == EXT_NUMPY_ARRAY:
            return None
        parts = ormsgpack.unpackb(content, ext_hook=look, option=_OPTION)
        if code == EXT_DELTA_SNAPSHOT:
            return None
        name: TypeName = (parts[0], parts[1])
        if code == EXT_METHOD_SINGLE_ARG:
            return None if (*name, parts[3]) in SAFE_MSGPACK_METHODS else name
        return None if name in SAFE_MSGPACK_TYPES or name in self._names else name
