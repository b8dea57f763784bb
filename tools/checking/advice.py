"""Which declaration is missing where two calls disturb each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trunkline.tools.access import ANYTHING
from trunkline.tools.call import ToolCall
from trunkline.tools.checking.alone import Solo
from trunkline.tools.checking.difference import Difference, Path

_ANYHOW = "name what they share in writes= of each that changes it, and in reads= of each that reads it"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resource:
    name: str
    path: Path
    """Where in the state it is."""


def missing_declaration(pair: Sequence[Solo], differing: Difference, known: Iterable[str]) -> str:
    """Return what to add to the declarations of two calls that may run side by side and must not.

    `known` are the names that the toolbox uses already: one of them that fits is better than a new one.
    """
    changed = [] if differing.answer_of is None else [change.path for solo in pair for change in solo.changes]
    paths = [differing.path] if differing.answer_of is None else changed
    if not paths or not paths[0]:
        return _ANYHOW
    resource = _shared_resource([solo.call for solo in pair], paths[0], known)
    return " and ".join(dict.fromkeys(_needs(solo, resource) for solo in pair if not _has(solo, resource))) or _ANYHOW


def named_in(path: Path, call: ToolCall) -> str:
    """Return a template over the arguments of the call that names what is at this place of the state."""
    return _template(_shared_resource([call], path, ()).name, call)


def names_of(solos: Sequence[Solo]) -> list[str]:
    """Return the names of all resources that the calls declare."""
    return sorted(set[str]().union(*(solo.call.access.writes | solo.call.access.reads for solo in solos)))


def _shared_resource(calls: Sequence[ToolCall], path: Path, known: Iterable[str]) -> _Resource:
    """A name that is known already, else one made of the path and an argument that stands in it."""
    for name in known:
        kind, *details = name.split(":")
        alike = path[0].startswith(kind) or kind.startswith(path[0])
        if details and alike and set(details) <= set(path):
            return _Resource(name=name, path=path[: max(map(path.index, details)) + 1])
    shared = set[str].intersection(*(set(_values(call)) for call in calls))
    depth = max((place for place, part in enumerate(path) if part in shared), default=0)
    name = f"{path[0]}:{path[depth]}" if depth else path[0]
    return _Resource(name=name, path=path[: depth + 1])


def _needs(solo: Solo, resource: _Resource) -> str:
    side, template = _side(solo, resource), _template(resource.name, solo.call)
    if ":" in template and template == resource.name:
        return f'let {side}= of {solo.call.tool.name} name "{template}" for these arguments'
    return f'add "{template}" to {side}= of {solo.call.tool.name}'


def _has(solo: Solo, resource: _Resource) -> bool:
    access = solo.call.access
    named = access.writes if _side(solo, resource) == "writes" else access.reads | access.writes
    return resource.name in named or ANYTHING in named


def _side(solo: Solo, resource: _Resource) -> str:
    if solo.call.tool.effect.is_read:
        return "reads"
    changes = any(change.path[: len(resource.path)] == resource.path for change in solo.changes)
    return "writes" if changes or not solo.changes else "reads"


def _template(name: str, call: ToolCall) -> str:
    fields = {value: f"{{{argument}}}" for value, argument in _values(call).items()}
    return ":".join(fields.get(part, part) for part in name.split(":"))


def _values(call: ToolCall) -> dict[str, str]:
    return {value: name for name, given in call.request.arguments.items() for value in _texts(given)}


def _texts(given: object) -> Iterator[str]:
    if isinstance(given, str | int):
        yield str(given)
    elif isinstance(given, list):
        yield from (str(item) for item in given)  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
