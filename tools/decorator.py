"""The decorator that makes a tool of a typed function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Unpack, overload

from trunkline.errors import ToolDeclarationError
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
from trunkline.tools.signature import Function, read_parameters, source_of
from trunkline.tools.tool import Tool


@overload
def tool(function: Function, /) -> Tool: ...


@overload
def tool(**declared: Unpack[Declaration]) -> Callable[[Function], Tool]: ...


def tool(function: Function | None = None, /, **declared: Unpack[Declaration]) -> Tool | Callable[[Function], Tool]:
    """Make a `Tool` of a typed function with a docstring; works bare and with a declaration (see `Declaration`).

    Raises `ToolDeclarationError` with all that is wrong in the declaration, naming file and line.
    """
    if function is None:
        return lambda function: _made(function, declared)
    return _made(function, declared)


def _made(function: Function, declared: Declaration) -> Tool:
    problems: list[str] = []
    label = declared.get("name") or str(getattr(function, "__name__", type(function).__name__))
    given = declared.get("effect")
    effect = effect_of(given, problems)
    varies = given if callable(given) else None
    parameters, key_parameter = read_parameters(label, function, problems)
    made = Tool(
        name=label,
        description=inspect.getdoc(function) or "",
        function=function,
        parameters=parameters,
        key_parameter=key_parameter,
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
        source=source_of(function),
        home=f"{getattr(function, '__module__', '?')}:{getattr(function, '__qualname__', label)}",
    )
    problems.extend(problems_of(made, declared))
    if problems:
        raise ToolDeclarationError(tool=label, where=made.source, problems=problems)
    return made


def _retries(given: int | None, *, safe: bool) -> int:
    if given is not None:
        return given
    return DEFAULT_RETRIES if safe else 0


def _rule(given: bool | Rule | None, *, otherwise: Rule) -> Rule | None:
    return otherwise if given is True else given or None
