"""The tasks that LangGraph runs beside the current one: the only reader of this private part of its config."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.runnables import RunnableConfig

_CALL = "__pregel_call"


def siblings_of(config: RunnableConfig) -> list[tuple[asyncio.Future[Any], Any]]:
    """Return the futures of the superstep's tasks that have not ended, with the task's input, in the order of tasks.

    The current task is among them, unless it is the only one. Raises `KeyError` outside a task. With LangGraph's
    `max_concurrency` there are none to wait for: they may not start before the current task ends.
    """
    if config.get("max_concurrency"):
        return []
    futures = config.get("configurable", {})[_CALL].keywords["futures"]()
    known: list[tuple[asyncio.Future[Any], Any]] = [] if futures is None else list(futures.items())
    return [(future, task.input) for future, task in known if task is not None and not future.done()]
