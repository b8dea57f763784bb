"""Lets work that must not be torn come to its end before a cancellation is passed on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

Result = TypeVar("Result")


def is_cancelled() -> bool:
    """Whether somebody asked this task to end, and not only something that foreign code awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def to_its_end(work: Coroutine[Any, Any, Result], *, name: str) -> Result:
    """Await the work in a task of its own; when cancelled, wait for it first, then raise the cancellation.

    Further cancellations change nothing. An error of the work is raised, unless there was a cancellation.
    """
    task = asyncio.create_task(work, name=name)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        raise
