"""A tool: a typed function with a docstring, and what its calls do to the world."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trunkline.tools.access import AccessRule
from trunkline.tools.approval import Rule
from trunkline.tools.effect import Effect
from trunkline.tools.lane import Lane
from trunkline.tools.parameters import Parameters
from trunkline.tools.rate import Rate
from trunkline.tools.signature import Function
from trunkline.tools.template import Template

EffectName = Literal["read", "write", "write_once", "irreversible"]
EffectRule = Callable[[Mapping[str, Any]], EffectName]
"""Tells the effect of a call from its arguments: a tool that wraps others reads with some and writes with others."""

KeyRule = Callable[[Mapping[str, Any]], str | None]
"""Tells the identity of an effect from the arguments of a call."""


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

    idempotent: bool
    """Whether the same call made again changes nothing more: as a write it then needs no key."""

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
