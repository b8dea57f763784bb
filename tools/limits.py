"""How many calls may run at once: in all, and of each tool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from trunkline.tools.tool import Tool

DEFAULT_CALLS = 256


class Limits:
    """Slots for running calls, handed out in the order of asking. Belongs to one event loop.

    A call takes a slot of its tool first and a global one second, so that calls queueing for a busy tool hold up no
    other tool.
    """

    def __init__(self, *, calls: int = DEFAULT_CALLS) -> None:
        if calls < 1:
            message = f"calls must be at least 1, got {calls}"
            raise ValueError(message)
        self._global = asyncio.Semaphore(calls)
        self._by_tool: dict[tuple[str, str], asyncio.Semaphore] = {}

    @asynccontextmanager
    async def slot(self, tool: Tool) -> AsyncGenerator[None]:
        """Hold a slot for one call of the tool. Cancelled while waiting, it leaves nothing held."""
        if tool.limit is None:
            async with self._global:
                yield
            return
        declared = (tool.source, tool.name)  # not the object: a toolbox may be built anew for each conversation
        async with self._by_tool.setdefault(declared, asyncio.Semaphore(tool.limit)), self._global:
            yield
