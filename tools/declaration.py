"""What a developer declares of a tool, and what can be wrong with it."""

from __future__ import annotations

import re
from typing import TypedDict, get_args

from trunkline.errors import RateError, TemplateError
from trunkline.tools.access import AccessRule, Resources
from trunkline.tools.approval import Over, Rule
from trunkline.tools.effect import Effect
from trunkline.tools.lane import Lane
from trunkline.tools.rate import Rate
from trunkline.tools.signature import Function
from trunkline.tools.template import Template
from trunkline.tools.tool import EffectName, EffectRule, KeyRule, Tool

DEFAULT_TIMEOUT = 30.0

DEFAULT_RETRIES = 2
"""How often a call that got no answer is made again, where that is safe."""


class Declaration(TypedDict, total=False):
    """The arguments of `tool`; None is as good as left out."""

    name: str
    """What the model calls it; left out, the function's name."""

    effect: EffectName | EffectRule | None
    """What a call does to the world, or a function that tells it from the arguments; left out, calls run alone."""

    key: str | KeyRule | None
    """The business identity of the effect: a template over the arguments, or a function of them."""

    reads: Resources | None
    """The resources that a call reads."""

    writes: Resources | None
    """The resources that a call changes: calls that conflict keep the model's order."""

    requires: str | Rule | None
    """What must hold, as `verified:2` of the grants that the graph gives, or a rule: why the call is refused."""

    confirm: bool | Rule
    """Which calls the customer must confirm first."""

    approve: bool | Rule
    """Which calls wait for a person of the company."""

    timeout: float
    """Seconds that one attempt may run, counted from its start and not from its wait. 30 by default."""

    retries: int | None
    """How often an attempt without an answer is repeated: 2 by default for reads and keyed writes, else 0."""

    limit: int | None
    """How many calls of the tool may run at once in the process."""

    rate: str | Rate | None
    """How many attempts may start in a time, like `10/s`."""

    lane: str | Lane | None
    """What calls take turns on, across tools, turns and threads of the process, like `order:{order_id}`."""

    status: Function | None
    """Tells whether an effect with these arguments happened: its result, or None if it did not."""

    compensate: Tool | None
    """The tool that undoes the effect; takes arguments of the same names, and perhaps `output`."""

    cache: float | None
    """Seconds for which a read's result may serve other calls, until a write that conflicts."""

    untrusted: bool
    """Whether results are texts that nobody vouches for. See `trunkline.tools.trust`."""


_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What the endpoints of chat models take as the name of a function."""

_REQUIREMENT = re.compile(r"[^:\s]+:\d+")


def effect_of(given: EffectName | EffectRule | None, problems: list[str]) -> Effect:
    """Return the declared effect; UNDECLARED where it depends on the arguments."""
    if given is None or callable(given):
        return Effect.UNDECLARED
    if given not in get_args(EffectName):
        problems.append(f"effect {given!r} is not known: write read, write, write_once or irreversible")
        return Effect.UNDECLARED
    return Effect(given)


def access_of(reads: Resources | None, writes: Resources | None, problems: list[str]) -> AccessRule:
    """Return the rule that names a call's resources."""
    try:
        return AccessRule(reads=reads, writes=writes)
    except TemplateError as error:
        problems.append(str(error))
        return AccessRule(reads=None, writes=None)


def key_of(given: str | KeyRule | None, problems: list[str]) -> Template | KeyRule | None:
    """Return the rule that names a call's effect."""
    try:
        return Template(given) if isinstance(given, str) else given
    except TemplateError as error:
        problems.append(str(error))
        return Template("")


def lane_of(given: str | Lane | None, problems: list[str]) -> Lane | None:
    """Return the lane."""
    try:
        return Lane(given) if isinstance(given, str) else given
    except TemplateError as error:
        problems.append(str(error))
        return None


def rate_of(given: str | Rate | None, problems: list[str]) -> Rate | None:
    """Return the rate."""
    try:
        return Rate.parse(given) if isinstance(given, str) else given
    except RateError as error:
        problems.append(str(error))
        return None


def problems_of(made: Tool, declared: Declaration) -> list[str]:
    """Return what is wrong with a tool, in words that say how to mend it."""
    return [*_problems_of_texts(made), *_problems_of_effect(made, declared), *_problems_of_numbers(made, declared)]


def _problems_of_texts(made: Tool) -> list[str]:
    problems: list[str] = []
    if not _NAME.fullmatch(made.name):
        problems.append(f"its name {made.name!r} is not one that models can call: give it letters, digits, _ and -")
    if not made.description:
        problems.append("it has no docstring: write one sentence that tells the model what it does")
    if isinstance(made.requires, str) and not _REQUIREMENT.fullmatch(made.requires):
        problems.append(
            f"requires={made.requires!r} is no grant with a level: write it like verified:2, or give a rule"
        )
    key_fields = made.key.fields if isinstance(made.key, Template) else frozenset[str]()
    lane_fields = made.lane.fields if made.lane else frozenset[str]()
    parameters = made.parameters.names
    unknown = sorted((made.access.fields | key_fields | lane_fields) - parameters)
    problems.extend(f"template field {{{field}}} is not one of its arguments" for field in unknown)
    if isinstance(made.approve, Over) and made.approve.of not in parameters:
        problems.append(f"approve=over(..., of={made.approve.of!r}) is not one of its arguments")
    return problems


def _problems_of_effect(made: Tool, declared: Declaration) -> list[str]:
    problems: list[str] = []
    fixed_read = made.effect.is_read
    if made.effect is Effect.WRITE and made.key is None and not made.idempotent:
        problems.append('a write needs the identity of its effect: add key=, like key="refund:{order_id}"')
    if made.key_parameter is not None and made.key is None:
        problems.append(f"parameter {made.key_parameter!r} gets the key and there is none: add key=")
    if fixed_read and (declared.get("writes") is not None or made.key is not None):
        problems.append('a read has neither key= nor writes=: drop them, or declare effect="write"')
    if fixed_read and (made.status or made.compensate):
        problems.append("a read has neither status= nor compensate=: there is nothing to ask for or to undo")
    if made.cache is not None and not fixed_read:
        problems.append('only a read can have cache=: drop it, or declare effect="read"')
    if made.retries and not made.effect.repeatable and not callable(declared.get("effect")):
        problems.append(
            f"retries={made.retries} would repeat an effect that may have happened: drop it, or give a key="
        )
    if made.compensate:
        needed = made.compensate.parameters.required - made.parameters.names - {"output"}
        problems.extend(f"compensate= needs the argument {name!r}, which it does not have" for name in sorted(needed))
    return problems


def _problems_of_numbers(made: Tool, declared: Declaration) -> list[str]:
    problems: list[str] = []
    if made.timeout <= 0:
        problems.append(f"timeout must be more than 0 seconds, got {made.timeout:g}")
    if made.limit is not None and made.limit < 1:
        problems.append(f"limit must be at least 1 call, got {made.limit}")
    if made.retries < 0:
        problems.append(f"retries must be at least 0, got {made.retries}")
    if made.cache is not None and made.cache <= 0:
        problems.append(f"cache must be more than 0 seconds, got {made.cache:g}")
    return problems
