"""Rules that say when a call must wait for a person, and what they ask for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from inspect import isawaitable
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a rule asks for when a call may not simply run."""

    reason: str
    """Why, as the person who decides reads it."""

    people: int = 1
    """How many different people must agree."""

    within: float | None = None
    """Seconds until the request expires; None: never."""


Answer = str | Ask | None
Rule = Callable[[Mapping[str, Any]], Answer | Awaitable[Answer]]
"""Tells from the arguments of a call why it may not simply run, or None. May be asynchronous.

It is asked before the call runs, and again when an approved call is about to run. `current_call` works inside it.
"""

ApprovalRule = Rule


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


def customer_agrees(arguments: Mapping[str, Any]) -> str | None:
    """Ask the customer each time."""
    del arguments
    return "the customer must agree to exactly this first"


def asking(rule: Rule = always, *, people: int = 1, within: float | None = None) -> Rule:
    """Return the rule with the terms of its requests: how many people must agree, and within how many seconds."""
    if people < 1:
        message = f"people must be at least 1, got {people}"
        raise ValueError(message)
    if within is not None and within <= 0:
        message = f"within must be more than 0 seconds, got {within:g}"
        raise ValueError(message)

    async def with_terms(arguments: Mapping[str, Any]) -> Ask | None:
        asked = await answer_of(rule, arguments)
        return replace(asked, people=people, within=within) if asked else None

    return with_terms


async def answer_of(rule: Rule, arguments: Mapping[str, Any]) -> Ask | None:
    """Return what the rule asks for about these arguments, or None when it has nothing against them."""
    answer = rule(arguments)
    if isawaitable(answer):
        answer = await answer
    return Ask(reason=answer) if isinstance(answer, str) else answer
