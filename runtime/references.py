"""References to agents, graphs, toolboxes and subjects of a check in code: `package.module:name` and `path.py:name`."""

from __future__ import annotations

import hashlib
import importlib.util
import pkgutil
import sys
from inspect import isfunction
from pathlib import Path
from types import ModuleType
from typing import TypeGuard, cast

from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from trunkline.agents.agent import Agent
from trunkline.errors import ReferenceNotFoundError
from trunkline.graphs.toolboxes import toolboxes_of
from trunkline.runtime.line import Runnable
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
    if not _runs(found):
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
    if not _runs(found):
        problem = f"{where} has no agent, graph or toolbox {name!r}"
        raise ReferenceNotFoundError(reference=reference, problem=problem, wanted=_TOOLS)
    return [found.toolbox] if isinstance(found, Agent) else toolboxes_of(found)


def look_up(reference: str, *, wanted: str) -> object:
    """Return whatever the reference names; errors are those of `resolve`, and say that `wanted` was looked for."""
    try:
        module, where, name = _named(reference)
    except ReferenceNotFoundError as error:
        raise ReferenceNotFoundError(reference=reference, problem=error.problem, wanted=wanted) from None
    if not hasattr(module, name):
        raise ReferenceNotFoundError(reference=reference, problem=f"{where} has no {name!r}", wanted=wanted)
    return getattr(module, name)


def _named(reference: str) -> tuple[ModuleType, str, str]:
    """Return the imported module, how it was named, and the name in it."""
    where, colon, name = reference.rpartition(":")
    if not colon or not where or not name:
        raise ReferenceNotFoundError(reference=reference, problem="is not a reference")
    module = _file(where, reference) if where.endswith(".py") else _module(where, reference)
    return module, where, name


def _file(where: str, reference: str) -> ModuleType:
    path = Path(where).resolve()
    name = _module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise ReferenceNotFoundError(reference=reference, problem=f"there is no file {where}")
    _make_importable(path.parent)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _module_name(path: Path) -> str:
    """The file's own name, unless a module from elsewhere has it: `json.py` must not become the `json` of all."""
    taken = sys.modules.get(path.stem)
    if taken is None or getattr(taken, "__file__", None) == str(path):
        return path.stem
    return f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def _module(where: str, reference: str) -> ModuleType:
    _make_importable(Path.cwd())
    try:
        module: ModuleType = pkgutil.resolve_name(f"{where}:")
    except ValueError as error:
        raise ReferenceNotFoundError(reference=reference, problem="is not a reference") from error
    except ModuleNotFoundError as error:
        if error.name is None or not f"{where}.".startswith(f"{error.name}."):
            raise
        raise ReferenceNotFoundError(reference=reference, problem=f"there is no module {error.name}") from error
    return module


def _make_importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _runs(value: object) -> TypeGuard[Runnable]:
    return isinstance(value, Agent | Pregel | StateGraph)


def _is_own_function(value: object, module: ModuleType) -> bool:
    return isfunction(value) and value.__module__ == module.__name__ and not value.__name__.startswith("_")


def _what_is_there(module: ModuleType, where: str, name: str) -> str:
    runnable = sorted(key for key, value in vars(module).items() if _runs(value))
    there = f"it has {', '.join(runnable)}" if runnable else "it has no agent and no graph"
    return f"{where} has no agent or graph {name!r}; {there}"
