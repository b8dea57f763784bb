"""Compiled statements, shared by all engines of a process: to compile one takes longer than most take to run."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.util import LRUCache

_CAPACITY = 1000
"""Statements: several times as many as there are."""


class CompiledStatements(LRUCache[Any, Any]):
    """Execution option `compiled_cache` for engines that differ in nothing but the database that they lead to.

    SQLAlchemy compiles each statement once for an engine. Its key begins with that engine's own dialect object; here it
    begins with what such dialects may differ in.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the statement that an engine with a dialect like this one has compiled."""
        return super().get(_alike(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__(_alike(key), compiled)


COMPILED = CompiledStatements(_CAPACITY)


def _alike(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect: Dialect = key[0]
    return (type(dialect), dialect.server_version_info, *key[1:])
