"""References to agents, graphs, toolboxes and subjects of a check in code: `package.module:name` and `path.py:name`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import isfunction
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from trunkline.agents.agent import Agent
from trunkline.errors import ReferenceNotFoundError
from trunkline.graphs.toolboxes import toolboxes_of
from trunkline.runtime.modules import import_file, import_module
from trunkline.runtime.runnable import Runnable, is_runnable
from trunkline.tools.checking import World
from trunkline.tools.toolbox import Toolbox

_SUBJECT = "a function that returns a Subject"
_TOOLS = "an agent, a graph or a toolbox"


def resolve(reference: str) -> Runnable:
    """Return the agent or graph that the reference names. Its module is imported; what that raises is passed on.

    Raises `ReferenceNotFoundError`, which lists what could have been meant.
    """
    module, where, name = _named(reference)
    found = getattr(module, name, None)
    if not is_runnable(found):
        raise ReferenceNotFoundError(reference=reference, problem=_what_is_there(module, where, name))
    return found


def resolve_world(reference: str) -> World:
    """Return the function that the reference names, to be called for a subject; errors are those of `resolve`."""
    try:
        module, where, name = _named(reference)
    except ReferenceNotFoundError as error:
        raise ReferenceNotFoundError(reference=reference, problem=error.problem, wanted=_SUBJECT) from None
    found = getattr(module, name, None)
    if not callable(found):
        own = sorted(key for key, value in vars(module).items() if _is_own_function(value, module))
        problem = f"{where} has no function {name!r}; it has {', '.join(own) or 'none'}"
        raise ReferenceNotFoundError(reference=reference, problem=problem, wanted=_SUBJECT)
    return cast("World", found)


def resolve_tools(reference: str) -> list[Toolbox]:
    """Return the tools of the agent, graph or toolbox that the reference names; errors are those of `resolve`."""
    try:
        module, where, name = _named(reference)
    except ReferenceNotFoundError as error:
        raise ReferenceNotFoundError(reference=reference, problem=error.problem, wanted=_TOOLS) from None
    found: object = getattr(module, name, None)
    if isinstance(found, Toolbox):
        return [found]
    if not is_runnable(found):
        problem = f"{where} has no agent, graph or toolbox {name!r}"
        raise ReferenceNotFoundError(reference=reference, problem=problem, wanted=_TOOLS)
    return [found.toolbox] if isinstance(found, Agent) else toolboxes_of(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a reference leads to, in which module."""

    value: Runnable | Callable[..., Any]
    """An agent, a graph, or something to call, which may make one."""

    module: ModuleType


def find(reference: str, *, folder: Path) -> Found:
    """Return what the reference names, as seen from the folder; a file that has been imported is not executed again.

    Errors are those of `resolve`.
    """
    module, where, name = _named(reference, folder=folder, anew=False)
    found: object = getattr(module, name, None)
    if not is_runnable(found) and not callable(found):
        raise ReferenceNotFoundError(reference=reference, problem=_what_is_there(module, where, name))
    return Found(value=found, module=module)


def look_up(reference: str, *, wanted: str) -> object:
    """Return whatever the reference names; errors are those of `resolve`, and say that `wanted` was looked for."""
    try:
        module, where, name = _named(reference)
    except ReferenceNotFoundError as error:
        raise ReferenceNotFoundError(reference=reference, problem=error.problem, wanted=wanted) from None
    if not hasattr(module, name):
        raise ReferenceNotFoundError(reference=reference, problem=f"{where} has no {name!r}", wanted=wanted)
    return getattr(module, name)


def _named(reference: str, *, folder: Path | None = None, anew: bool = True) -> tuple[ModuleType, str, str]:
    """Return the imported module, how it was named, and the name in it."""
    where, colon, name = reference.rpartition(":")
    if not colon or not where or not name:
        raise ReferenceNotFoundError(reference=reference, problem="is not a reference")
    base = folder or Path.cwd()
    if where.endswith(".py"):
        module = import_file((base / where).resolve(), reference=reference, anew=anew)
    else:
        module = import_module(where, reference=reference, folder=base)
    return module, where, name


def _is_own_function(value: object, module: ModuleType) -> bool:
    return isfunction(value) and value.__module__ == module.__name__ and not value.__name__.startswith("_")


def _what_is_there(module: ModuleType, where: str, name: str) -> str:
    runnable = sorted(key for key, value in vars(module).items() if is_runnable(value))
    there = f"it has {', '.join(runnable)}" if runnable else "it has no agent and no graph"
    return f"{where} has no agent or graph {name!r}; {there}"
