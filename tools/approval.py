"""Rules that say when a call must wait for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

ApprovalRule = Callable[[Mapping[str, Any]], str | None]
"""Returns the reason why a person must decide on a call with these arguments, or None."""


def over(limit: float | Decimal, *, of: str = "amount") -> ApprovalRule:
    """Ask a person when the argument named by `of` is greater than `limit`, in the argument's own unit."""

    def rule(arguments: Mapping[str, Any]) -> str | None:
        value = arguments[of]
        return f"{of} {value} is over {limit}" if value > limit else None

    return rule


def always(arguments: Mapping[str, Any]) -> str | None:
    """Ask a person each time."""
    del arguments
    return "this tool always needs a person's approval"
