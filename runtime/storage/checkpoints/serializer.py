"""A strict serialiser: a type that is not on the list is refused, by name, when it is written and when it is read."""

from __future__ import annotations

from collections.abc import Collection, Iterable
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
        value = ormsgpack.unpackb(content, ext_hook=_Reading(self, unknown).build, option=_OPTION)
        _refuse(unknown)
        return value

    def require_allowed(self, data: tuple[str, bytes]) -> None:
        """Raise `TypeNotAllowedError` when the bytes hold a type that is not on the list. Nothing is built."""
        kind, content = data
        if kind == "msgpack":
            unknown: list[TypeName] = []
            ormsgpack.unpackb(content, ext_hook=_Reading(self, unknown).look, option=_OPTION)
            _refuse(unknown)

    def with_msgpack_allowlist(self, extra_allowlist: Iterable[TypeName | type]) -> Self:
        """Return a serialiser that also builds these types."""
        return type(self)([*self._names, *extra_allowlist])

    def __copy__(self) -> Self:
        return type(self)(self._names)

    def allows(self, name: TypeName) -> bool:
        """Whether values of this type may be built."""
        return name in SAFE_MSGPACK_TYPES or name in self._names

    def build_as_langgraph(self, code: int, content: bytes) -> Any:
        """Return what LangGraph's serialiser builds of an extension, whose types are allowed."""
        return self._unpack_ext_hook(code, content)


class _Reading:
    """The hooks for the extensions in some bytes. A type that is not allowed is noted: what they raised would not come
    through.

    Functions that call themselves would do, but each pair would be garbage that only the collector finds.
    """

    __slots__ = ("_serializer", "_unknown")

    def __init__(self, serializer: StrictSerializer, unknown: list[TypeName]) -> None:
        self._serializer, self._unknown = serializer, unknown

    def look(self, code: int, content: bytes) -> None:
        """Note types that are not allowed, and build nothing."""
        if name := self._refused(code, content):
            self._unknown.append(name)

    def build(self, code: int, content: bytes) -> Any:
        """Build what is allowed and note what is not."""
        if code == EXT_PYDANTIC_V2:  # messages, nearly always: what LangGraph's hook does, without its searching
            module, name, fields, *_ = ormsgpack.unpackb(content, ext_hook=self.build, option=_OPTION)
            if not self._serializer.allows((module, name)):
                self._unknown.append((module, name))
                return None
            try:
                return _type(module, name)(**fields)
            except Exception:  # noqa: BLE001 - a model that has changed since: LangGraph's hook knows what to do
                return self._serializer.build_as_langgraph(code, content)
        before = len(self._unknown)
        self.look(code, content)
        return self._serializer.build_as_langgraph(code, content) if len(self._unknown) == before else None

    def _refused(self, code: int, content: bytes) -> TypeName | None:
        if code == EXT_NUMPY_ARRAY:
            return None
        parts = ormsgpack.unpackb(content, ext_hook=self.look, option=_OPTION)
        if code == EXT_DELTA_SNAPSHOT:
            return None
        name: TypeName = (parts[0], parts[1])
        if code == EXT_METHOD_SINGLE_ARG:
            return None if (*name, parts[3]) in SAFE_MSGPACK_METHODS else name
        return None if self._serializer.allows(name) else name


def _refuse(unknown: list[TypeName]) -> None:
    if unknown:
        raise TypeNotAllowedError(module=unknown[-1][0], name=unknown[-1][1])


@cache
def _type(module: str, name: str) -> Any:
    return getattr(import_module(module), name)
