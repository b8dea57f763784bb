"""The decorator that makes a tool of a typed function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack, overload

from trunkline.errors import ToolDeclarationError
from trunkline.tools.adopted import BaseToolLike, adopt, is_base_tool
from trunkline.tools.approval import Rule, always, customer_agrees
from trunkline.tools.declaration import (
    DEFAULT_RETRIES,
    DEFAULT_TIMEOUT,
    Declaration,
    access_of,
    effect_of,
    key_of,
    lane_of,
    problems_of,
    rate_of,
)
from trunkline.tools.effect import Effect
from trunkline.tools.signature import Function, Implementation, implementation_of
from trunkline.tools.tool import Tool

Adoptable = Function | BaseToolLike | Implementation
"""What becomes a tool: a typed function, a tool of LangChain, or something from elsewhere that was taken apart."""


@overload
def tool(item: Adoptable, /) -> Tool: ...


@overload
def tool(**declared: Unpack[Declaration]) -> Callable[[Adoptable], Tool]: ...


def tool(item: Adoptable | None = None, /, **declared: Unpack[Declaration]) -> Tool | Callable[[Adoptable], Tool]:
    """Make a `Tool` of a typed function with a docstring, or of a LangChain tool; works bare and with a declaration.

    What can be declared is told in `Declaration`.

    Raises `ToolDeclarationError` with all that is wrong in the declaration, naming file and line.
    """
    if item is None:
        return lambda item: _made(item, declared)
    return _made(item, declared)


def _made(item: Adoptable, declared: Declaration) -> Tool:
    problems: list[str] = []
    found = _implementation(item, problems)
    given = declared.get("effect")
    effect = effect_of(given, problems)
    varies = given if callable(given) else None
    made = Tool(
        name=declared.get("name") or found.name,
        description=found.description,
        function=found.function,
        parameters=found.parameters,
        key_parameter=found.key_parameter,
        idempotent=found.idempotent,
        effect=effect,
        effect_rule=varies,
        access=access_of(declared.get("reads"), declared.get("writes"), problems),
        key=key_of(declared.get("key"), problems),
        requires=declared.get("requires"),
        confirm=_rule(declared.get("confirm"), otherwise=customer_agrees),
        approve=_rule(declared.get("approve"), otherwise=always) or (always if effect is Effect.IRREVERSIBLE else None),
        timeout=declared.get("timeout", DEFAULT_TIMEOUT),
        retries=_retries(declared.get("retries"), safe=varies is not None or effect.repeatable),
        limit=declared.get("limit"),
        rate=rate_of(declared.get("rate"), problems),
        lane=lane_of(declared.get("lane"), problems),
        status=declared.get("status"),
        compensate=declared.get("compensate"),
        cache=declared.get("cache"),
        untrusted=declared.get("untrusted", False),
        source=found.source,
        home=found.home,
    )
    problems.extend(problems_of(made, declared))
    if problems:
        raise ToolDeclarationError(tool=made.name, where=made.source, problems=problems)
    return made


def _implementation(item: Adoptable, problems: list[str]) -> Implementation:
    if isinstance(item, Implementation):
        return item
    return adopt(item, problems) if is_base_tool(item) else implementation_of(item, problems)


def _retries(given: int | None, *, safe: bool) -> int:
    if given is not None:
        return given
    return DEFAULT_RETRIES if safe else 0


def _rule(given: bool | Rule | None, *, otherwise: Rule) -> Rule | None:
    return otherwise if given is True else given or None
