"""A strict serialiser: a type that is not on the list is refused, by name, when it is written and when it is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import cache
from importlib import import_module
from typing import Any, Self

import ormsgpack
from langgraph.checkpoint.serde._msgpack import SAFE_MSGPACK_METHODS, SAFE_MSGPACK_TYPES
from langgraph.checkpoint.serde.jsonplus import (
    EXT_DELTA_SNAPSHOT,
    EXT_METHOD_SINGLE_ARG,
    EXT_NUMPY_ARRAY,
    EXT_PYDANTIC_V2,
    JsonPlusSerializer,
)

from trunkline.errors import TypeNotAllowedError

_OPTION = ormsgpack.OPT_NON_STR_KEYS
Hook = Callable[[int, bytes], Any]
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
        kind, content = data
        if kind != "msgpack":
            return super().loads_typed(data)
        unknown: list[TypeName] = []
        value = ormsgpack.unpackb(content, ext_hook=self._builder(unknown), option=_OPTION)
        _refuse(unknown)
        return value

    def require_allowed(self, data: tuple[str, bytes]) -> None:
        """Raise `TypeNotAllowedError` when the bytes hold a type that is not on the list. Nothing is built."""
        kind, content = data
        if kind == "msgpack":
            unknown: list[TypeName] = []
            ormsgpack.unpackb(content, ext_hook=self._looker(unknown), option=_OPTION)
            _refuse(unknown)

    def with_msgpack_allowlist(self, extra_allowlist: Iterable[TypeName | type]) -> Self:
        """Return a serialiser that also builds these types."""
        return type(self)([*self._names, *extra_allowlist])

    def __copy__(self) -> Self:
        return type(self)(self._names)

    def _looker(self, unknown: list[TypeName]) -> Hook:
        """Return a hook that notes types that are not allowed. What it raised would not come through."""

        def look(code: int, content: bytes) -> None:
            if name := self._unknown(code, content, look):
                unknown.append(name)

        return look

    def _builder(self, unknown: list[TypeName]) -> Hook:
        """Return a hook that builds what is allowed and notes what is not."""
        look = self._looker(unknown)

        def build(code: int, content: bytes) -> Any:
            if code == EXT_PYDANTIC_V2:  # messages, nearly always: what LangGraph's hook does, without its searching
                module, name, fields, *_ = ormsgpack.unpackb(content, ext_hook=build, option=_OPTION)
                if not self._allows((module, name)):
                    unknown.append((module, name))
                    return None
                try:
                    return _type(module, name)(**fields)
                except Exception:  # noqa: BLE001 - a model that has changed since: LangGraph's hook knows what to do
                    return self._unpack_ext_hook(code, content)
            before = len(unknown)
            look(code, content)
            return self._unpack_ext_hook(code, content) if len(unknown) == before else None

        return build

    def _allows(self, name: TypeName) -> bool:
        return name in SAFE_MSGPACK_TYPES or name in self._names

    def _unknown(self, code: int, content: bytes, look: Hook) -> TypeName | None:
        if code == EXT_NUMPY_ARRAY:
            return None
        parts = ormsgpack.unpackb(content, ext_hook=look, option=_OPTION)
        if code == EXT_DELTA_SNAPSHOT:
            return None
        name: TypeName = (parts[0], parts[1])
        if code == EXT_METHOD_SINGLE_ARG:
            return None if (*name, parts[3]) in SAFE_MSGPACK_METHODS else name
        return None if self._allows(name) else name


def _refuse(unknown: list[TypeName]) -> None:
    if unknown:
        raise TypeNotAllowedError(module=unknown[-1][0], name=unknown[-1][1])


@cache
def _type(module: str, name: str) -> Any:
    return getattr(import_module(module), name)
