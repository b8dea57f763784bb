"""Rules that say when a call must wait for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

ApprovalRule = Callable[[Mapping[str, Any]], str | None]
"""Returns the reason why a person must decide on a call with these arguments, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """Asks a person about amounts above a limit. Made by `over`."""

    limit: float | Decimal
    of: str

    def __call__(self, arguments: Mapping[str, Any]) -> str | None:
        """Return why a person must decide, or None; an argument that was left out is no amount."""
        value = arguments[self.of]
        return f"{self.of} {value} is over {self.limit}" if value is not None and value > self.limit else None


def over(limit: float | Decimal, *, of: str = "amount") -> Over:
    """Ask a person when the argument named by `of` is greater than `limit`, in the argument's own unit."""
    return Over(limit=limit, of=of)


def always(arguments: Mapping[str, Any]) -> str | None:
    """Ask a person each time."""
    del arguments
    return "this tool always needs a person's approval"
