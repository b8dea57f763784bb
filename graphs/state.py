"""Reads a graph's state, whether it is a dict, a dataclass or a pydantic model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, cast

from langchain_core.messages import AnyMessage, HumanMessage


def messages_in(state: Any, key: str) -> Sequence[AnyMessage]:
    """Return the messages that the state holds under this key."""
    if isinstance(state, Mapping):
        return cast("Mapping[str, Sequence[AnyMessage]]", state)[key]
    messages: Sequence[AnyMessage] = getattr(state, key)
    return messages


def has_messages(state: Any, key: str) -> bool:
    """Tell whether the state holds anything under this key."""
    return key in state if isinstance(state, Mapping) else hasattr(state, key)


def heard_in(state: Any, key: str) -> list[str]:
    """Return what the customer said, in a state with messages or without."""
    if not has_messages(state, key):
        return []
    return [message.text for message in messages_in(state, key) if isinstance(message, HumanMessage)]


def values_in(state: Any) -> Mapping[str, Any]:
    """Return the state's values by name."""
    if is_dataclass(state):
        return {field.name: getattr(state, field.name) for field in fields(state)}
    return dict(state)
