"""A tool: a typed function with a docstring, and what its calls do to the world."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, overload

from trunkline.errors import TemplateError, ToolDeclarationError
from trunkline.tools.access import AccessRule, Resources
from trunkline.tools.adopted import BaseToolLike, adopt, is_base_tool
from trunkline.tools.approval import ApprovalRule, Over, always
from trunkline.tools.effect import Effect
from trunkline.tools.parameters import Parameters
from trunkline.tools.signature import Function, Implementation, implementation_of
from trunkline.tools.template import Template

DEFAULT_TIMEOUT = 30.0

Adoptable = Function | BaseToolLike | Implementation
"""What becomes a tool: a typed function, a tool of LangChain, or something from elsewhere that was taken apart."""

EffectName = Literal["read", "write", "write_once", "irreversible"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What the endpoints of chat models take as the name of a function."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tool:
    """A function that a model may call, with its declaration. Made by `tool`."""

    name: str
    description: str
    """The function's docstring: what the model reads."""

    function: Function
    parameters: Parameters
    key_parameter: str | None = None
    """The function's parameter that gets the call's key; the model does not pass it."""

    effect: Effect
    access: AccessRule
    key: Template | None
    """The business identity of an effect, as a template over the arguments."""

    approve: ApprovalRule | None
    timeout: float
    """Seconds that one call may run, counted from its start and not from its wait."""

    limit: int | None
    """How many calls of this tool may run at once in this process."""

    source: str
    """`file.py:line` of the function."""

    @property
    def blocking(self) -> bool:
        """Whether the function is a plain one, and so runs in a thread."""
        return not inspect.iscoroutinefunction(self.function)

    def specification(self) -> dict[str, Any]:
        """Return the tool as the JSON schema of a function that chat models are given."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters.schema()}
        return {"type": "function", "function": function}

    def reason_to_ask(self, arguments: Mapping[str, Any]) -> str | None:
        """Return why a person must decide before a call with these arguments runs, or None."""
        return self.approve(arguments) if self.approve else None


@overload
def tool(function: Adoptable, /) -> Tool: ...


@overload
def tool(
    *,
    effect: EffectName | None = None,
    key: str | None = None,
    reads: Resources | None = None,
    writes: Resources | None = None,
    approve: bool | ApprovalRule = False,
    timeout: float = DEFAULT_TIMEOUT,
    limit: int | None = None,
    name: str | None = None,
) -> Callable[[Adoptable], Tool]: ...


def tool(
    function: Adoptable | None = None,
    /,
    *,
    effect: EffectName | None = None,
    key: str | None = None,
    reads: Resources | None = None,
    writes: Resources | None = None,
    approve: bool | ApprovalRule = False,
    timeout: float = DEFAULT_TIMEOUT,
    limit: int | None = None,
    name: str | None = None,
) -> Tool | Callable[[Adoptable], Tool]:
    """Make a `Tool` of a typed function with a docstring, or of a LangChain tool; works bare and with a declaration.

    `effect` is what a call does to the world; left out, calls run alone. `key` is a template over the arguments that
    names the effect in the business's terms: the same key never takes effect twice. `reads` and `writes` name the
    resources that a call touches: calls that conflict keep the model's order, all others run side by side. `approve`
    tells which calls wait for a person. `timeout` is in seconds, from the start of the call's run; `limit` is how many
    calls of the tool may run at once in the process.

    Raises `ToolDeclarationError` with all that is wrong in the declaration, naming file and line.
    """

    def declared(function: Adoptable) -> Tool:
        problems: list[str] = []
        found = _implementation(function, problems)
        kind = _effect(effect, problems)
        made = Tool(
            name=name or found.name,
            description=found.description,
            function=found.function,
            parameters=found.parameters,
            key_parameter=found.key_parameter,
            effect=kind,
            access=_access(kind, reads, writes, problems),
            key=_key(key, problems),
            approve=always if approve is True or (kind is Effect.IRREVERSIBLE and not approve) else approve or None,
            timeout=timeout,
            limit=limit,
            source=found.source,
        )
        problems.extend(_problems(made, writes))
        if problems:
            raise ToolDeclarationError(tool=made.name, where=made.source, problems=problems)
        return made

    return declared if function is None else declared(function)


def _implementation(item: Adoptable, problems: list[str]) -> Implementation:
    if isinstance(item, Implementation):
        return item
    return adopt(item, problems) if is_base_tool(item) else implementation_of(item, problems)


def _effect(name: EffectName | None, problems: list[str]) -> Effect:
    if name is None:
        return Effect.UNDECLARED
    if name not in get_args(EffectName):
        problems.append(f"effect {name!r} is not known: write read, write, write_once or irreversible")
        return Effect.UNDECLARED
    return Effect(name)


def _access(effect: Effect, reads: Resources | None, writes: Resources | None, problems: list[str]) -> AccessRule:
    try:
        return AccessRule(effect=effect, reads=reads, writes=writes)
    except TemplateError as error:
        problems.append(str(error))
        return AccessRule(effect=effect, reads=None, writes=None)


def _key(text: str | None, problems: list[str]) -> Template | None:
    try:
        return None if text is None else Template(text)
    except TemplateError as error:
        problems.append(str(error))
        return Template("")


def _problems(made: Tool, writes: Resources | None) -> list[str]:
    problems: list[str] = []
    if not _NAME.fullmatch(made.name):
        problems.append(f"its name {made.name!r} is not one that models can call: give it letters, digits, _ and -")
    if not made.description:
        problems.append("it has no docstring: write one sentence that tells the model what it does")
    if made.effect is Effect.WRITE and made.key is None:
        problems.append('a write needs the identity of its effect: add key=, like key="refund:{order_id}"')
    if made.effect is Effect.READ and (writes is not None or made.key is not None):
        problems.append('a read has neither key= nor writes=: drop them, or declare effect="write"')
    if made.timeout <= 0:
        problems.append(f"timeout must be more than 0 seconds, got {made.timeout:g}")
    if made.limit is not None and made.limit < 1:
        problems.append(f"limit must be at least 1 call, got {made.limit}")
    if made.key_parameter is not None and made.key is None:
        problems.append(f"parameter {made.key_parameter!r} gets the key and there is none: add key=")
    named = made.access.fields | made.key.fields if made.key else made.access.fields
    parameters = made.parameters.names
    problems.extend(f"template field {{{field}}} is not one of its arguments" for field in sorted(named - parameters))
    if isinstance(made.approve, Over) and made.approve.of not in parameters:
        problems.append(f"approve=over(..., of={made.approve.of!r}) is not one of its arguments")
    return problems
