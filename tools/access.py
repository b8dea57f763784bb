"""Which resources a call reads and writes, and which calls of a turn must therefore keep the model's order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trunkline.tools.effect import Effect
from trunkline.tools.template import Template

ANYTHING = "*"
"""The resource that stands for all others: a call that writes it runs alone."""

_ALL = frozenset({ANYTHING})
_NONE = frozenset[str]()

Resources = str | Sequence[str] | Callable[[Mapping[str, Any]], Iterable[str]]
"""How a tool names resources: a template, several, or a function of the arguments that returns one name or several.

A list in a field of a template names one resource for each of its items.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The resources that one call reads and writes."""

    reads: frozenset[str]
    writes: frozenset[str]

    def conflicts_with(self, other: Access) -> bool:
        """Whether the two calls must keep their order: one writes what the other reads or writes."""
        return _meet(self.writes, other.writes) or _meet(self.writes, other.reads) or _meet(self.reads, other.writes)


class AccessRule:
    """Tells the `Access` of a call from its arguments, as the tool declared it.

    A read that names nothing may read anything: it keeps its place among the writes of the turn. An effect that names
    nothing may write anything, and so may a tool without a declared effect and an irreversible one, whatever they name.
    A tool that reads with some arguments and writes with others reads then what it would write.
    """

    def __init__(self, *, reads: Resources | None, writes: Resources | None) -> None:
        self._reads = None if reads is None else _namer(reads)
        self._writes = None if writes is None else _namer(writes)
        self.fields = _fields(reads) | _fields(writes)

    def __call__(self, arguments: Mapping[str, Any], effect: Effect) -> Access:
        """Return what a call with these (validated) arguments and this effect touches."""
        return Access(reads=self._read(arguments, effect), writes=self._written(arguments, effect))

    def _read(self, arguments: Mapping[str, Any], effect: Effect) -> frozenset[str]:
        if not effect.is_read:
            return self._reads(arguments) if self._reads else _NONE
        if self._reads is None:
            return _ALL
        return self._reads(arguments) | (self._writes(arguments) if self._writes else _NONE)

    def _written(self, arguments: Mapping[str, Any], effect: Effect) -> frozenset[str]:
        if effect.is_read:
            return _NONE
        if self._writes is None or effect in {Effect.UNDECLARED, Effect.IRREVERSIBLE}:
            return _ALL
        return self._writes(arguments)


def predecessors(accesses: Sequence[Access]) -> list[list[int]]:
    """Return for each call of a turn the earlier calls that it must wait for, by position."""
    before: list[list[int]] = []
    writers: list[int] = []
    for position, access in enumerate(accesses):
        earlier = range(position) if access.writes else writers
        before.append([other for other in earlier if accesses[other].conflicts_with(access)])
        if access.writes:
            writers.append(position)
    return before


def _meet(some: frozenset[str], others: frozenset[str]) -> bool:
    if not some or not others:
        return False
    return ANYTHING in some or ANYTHING in others or not some.isdisjoint(others)


def _namer(resources: Resources) -> Callable[[Mapping[str, Any]], frozenset[str]]:
    if callable(resources):
        return lambda arguments: _several(resources(arguments))
    templates = _templates(resources)
    return lambda arguments: frozenset[str]().union(*(template.names(arguments) for template in templates))


def _several(named: Iterable[str]) -> frozenset[str]:
    return frozenset({named} if isinstance(named, str) else named)


def _fields(resources: Resources | None) -> frozenset[str]:
    if resources is None or callable(resources):
        return frozenset()
    return frozenset[str]().union(*(template.fields for template in _templates(resources)))


def _templates(resources: str | Sequence[str]) -> list[Template]:
    return [Template(text) for text in ([resources] if isinstance(resources, str) else resources)]
