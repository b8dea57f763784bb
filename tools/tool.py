"""A tool: a typed function with a docstring, and what its calls do to the world."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Unpack, overload

from trunkline.errors import ToolDeclarationError
from trunkline.tools.access import AccessRule
from trunkline.tools.approval import Rule, always, customer_agrees
from trunkline.tools.declaration import (
    DEFAULT_RETRIES,
    Declaration,
    EffectRule,
    KeyRule,
    access_of,
    effect_of,
    key_of,
    lane_of,
    problems_of,
    rate_of,
)
from trunkline.tools.effect import Effect
from trunkline.tools.lane import Lane
from trunkline.tools.parameters import Parameters
from trunkline.tools.rate import Rate
from trunkline.tools.signature import Function, read_parameters, source_of
from trunkline.tools.template import Template

DEFAULT_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tool:
    """A function that a model may call, with its declaration. Made by `tool`; see `Declaration` for its fields."""

    name: str
    description: str
    """The function's docstring: what the model reads."""

    function: Function
    parameters: Parameters
    key_parameter: str | None
    """The function's parameter that gets the call's key; the model does not pass it."""

    effect: Effect
    """UNDECLARED where it depends on the arguments; see `effect_of`."""

    effect_rule: EffectRule | None
    access: AccessRule
    key: Template | KeyRule | None
    requires: str | Rule | None
    confirm: Rule | None
    approve: Rule | None
    timeout: float
    retries: int
    limit: int | None
    rate: Rate | None
    lane: Lane | None
    status: Function | None
    compensate: Tool | None
    cache: float | None
    untrusted: bool
    source: str
    """`file.py:line` of the function."""

    home: str
    """`module:name` of the function: what an approved call is found again by, whoever runs it."""

    @property
    def blocking(self) -> bool:
        """Whether the function is a plain one, and so runs in a thread."""
        return not inspect.iscoroutinefunction(self.function)

    def specification(self) -> dict[str, Any]:
        """Return the tool as the JSON schema of a function that chat models are given."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters.schema()}
        return {"type": "function", "function": function}

    def effect_of(self, arguments: Mapping[str, Any]) -> Effect:
        """Return what a call with these arguments does to the world."""
        return Effect(self.effect_rule(arguments)) if self.effect_rule else self.effect

    def key_of(self, arguments: Mapping[str, Any]) -> str | None:
        """Return the identity of the effect of a call with these arguments, or None."""
        return self.key.fill(arguments) if isinstance(self.key, Template) else self.key and self.key(arguments)


@overload
def tool(function: Function, /) -> Tool: ...


@overload
def tool(**declared: Unpack[Declaration]) -> Callable[[Function], Tool]: ...


def tool(
    function: Function | None = None, /, **declared: Unpack[Declaration]
) -> Tool | Callable[[Function], Tool]:
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
        retries=declared.get("retries", DEFAULT_RETRIES if varies or effect.repeatable else 0),
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


def _rule(given: bool | Rule | None, *, otherwise: Rule) -> Rule | None:
    return otherwise if given is True else given or None
