"""References to agents and graphs in code: `package.module:name` and `path.py:name`."""

from __future__ import annotations

import importlib.util
import pkgutil
import sys
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from trunkline.agents.agent import Agent
from trunkline.errors import ReferenceNotFoundError
from trunkline.runtime.line import Runnable


def resolve(reference: str) -> Runnable:
    """Return the agent or graph that the reference names. Its module is imported; what that raises is passed on.

    Raises `ReferenceNotFoundError`, which lists what could have been meant.
    """
    where, colon, name = reference.rpartition(":")
    if not colon or not where or not name:
        raise ReferenceNotFoundError(reference=reference, problem="is not a reference")
    module = _file(where, reference) if where.endswith(".py") else _module(where, reference)
    found = getattr(module, name, None)
    if not _runs(found):
        raise ReferenceNotFoundError(reference=reference, problem=_what_is_there(module, where, name))
    return found


def _file(where: str, reference: str) -> ModuleType:
    path = Path(where).resolve()
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise ReferenceNotFoundError(reference=reference, problem=f"there is no file {where}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _module(where: str, reference: str) -> ModuleType:
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module: ModuleType = pkgutil.resolve_name(f"{where}:")
    except ModuleNotFoundError as error:
        if error.name is None or not where.startswith(error.name):
            raise
        raise ReferenceNotFoundError(reference=reference, problem=f"there is no module {error.name}") from error
    return module


def _runs(value: object) -> TypeGuard[Runnable]:
    return isinstance(value, Agent | Pregel | StateGraph)


def _what_is_there(module: ModuleType, where: str, name: str) -> str:
    runnable = sorted(key for key, value in vars(module).items() if _runs(value))
    there = f"it has {', '.join(runnable)}" if runnable else "it has no agent and no graph"
    return f"{where} has no agent or graph {name!r}; {there}"
