"""Trunkline: a durable runtime for LangGraph agents with parallel tool calling.

The names below are the public ones; each is imported at its first use, so that importing `trunkline` costs nothing.
The rest is imported from where it lives: `trunkline.tools`, `trunkline.agents`, `trunkline.graphs`,
`trunkline.runtime`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trunkline.agents.agent import Agent
    from trunkline.agents.scripted import ScriptedModel
    from trunkline.errors import TrunklineError
    from trunkline.graphs.fan_out import FanOut
    from trunkline.runtime.line import Trunkline
    from trunkline.runtime.queue.status import RunStatus
    from trunkline.runtime.retention import Retention
    from trunkline.runtime.storage.cache import SQLAlchemyCache
    from trunkline.runtime.storage.checkpoints.saver import SQLAlchemySaver
    from trunkline.runtime.storage.memory.store import SQLAlchemyStore
    from trunkline.runtime.storage.run_rows import Run
    from trunkline.tools.clock import ManualClock
    from trunkline.tools.decorator import tool
    from trunkline.tools.toolbox import Toolbox

__all__ = [
    "Agent",
    "FanOut",
    "ManualClock",
    "Retention",
    "Run",
    "RunStatus",
    "SQLAlchemyCache",
    "SQLAlchemySaver",
    "SQLAlchemyStore",
    "ScriptedModel",
    "Toolbox",
    "Trunkline",
    "TrunklineError",
    "tool",
]

_HOMES = {
    "Agent": "trunkline.agents.agent",
    "FanOut": "trunkline.graphs.fan_out",
    "ManualClock": "trunkline.tools.clock",
    "SQLAlchemyCache": "trunkline.runtime.storage.cache",
    "SQLAlchemySaver": "trunkline.runtime.storage.checkpoints.saver",
    "SQLAlchemyStore": "trunkline.runtime.storage.memory.store",
    "Retention": "trunkline.runtime.retention",
    "Run": "trunkline.runtime.storage.run_rows",
    "RunStatus": "trunkline.runtime.queue.status",
    "ScriptedModel": "trunkline.agents.scripted",
    "Toolbox": "trunkline.tools.toolbox",
    "Trunkline": "trunkline.runtime.line",
    "TrunklineError": "trunkline.errors",
    "tool": "trunkline.tools.decorator",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        message = f"module 'trunkline' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)
