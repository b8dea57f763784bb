"""Namespaces as they are stored: labels, which hold no period, with a period between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langgraph.store.base import MatchCondition
from sqlalchemy import ColumnElement, and_, or_, true

Namespace = tuple[str, ...]

_AFTER_PERIOD = chr(ord(".") + 1)


def to_text(namespace: Sequence[str]) -> str:
    """Return the stored form."""
    return ".".join(namespace)


def from_text(text: str) -> Namespace:
    """Return the namespace."""
    return tuple(text.split(".")) if text else ()


def below(column: Any, prefix: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a namespace is the prefix or begins with it."""
    if not prefix:
        return true()
    text = to_text(prefix)
    return or_(column == text, and_(column > f"{text}.", column < text + _AFTER_PERIOD))


def literal_prefix(conditions: Sequence[MatchCondition]) -> Namespace:
    """Return labels with which every namespace begins that meets these conditions."""
    for condition in conditions:
        if condition.match_type == "prefix":
            path = condition.path
            return path[: path.index("*")] if "*" in path else path
    return ()


def meets(namespace: Namespace, condition: MatchCondition) -> bool:
    """Return whether a namespace begins, or ends, with the condition's path, in which `*` is any label."""
    path = condition.path
    if len(namespace) < len(path):
        return False
    match condition.match_type:
        case "prefix":
            part = namespace[: len(path)]
        case "suffix":
            part = namespace[len(namespace) - len(path) :]
    return all(wanted in ("*", label) for wanted, label in zip(path, part, strict=True))
