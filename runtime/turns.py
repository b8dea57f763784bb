"""The turns under way on a line: each is a task of its own, and those of one thread follow one another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from weakref import WeakValueDictionary

from trunkline.runtime.backlog import Backlog
from trunkline.runtime.events import Event
from trunkline.tools.shielding import to_its_end


class Turns:
    """Serves turns in tasks, so that one which nobody listens to any more still ends, and its end is recorded."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def serve(self, turn: AsyncGenerator[Event], *, thread: str, name: str) -> AsyncGenerator[Event]:
        """Yield the events of a turn, which begins when earlier ones of its thread have ended.

        Raises what the turn raises. Cancelled or closed early, it cancels the turn and waits for its end.
        """
        heard = Backlog()
        task = asyncio.create_task(self._take(turn, thread, heard), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            while (event := await heard.get()) is not None:
                yield event
            await task
        finally:
            await to_its_end(_ended([task]), name=f"end of {name}")

    async def aclose(self) -> None:
        """Cancel what is under way and wait for its end."""
        await to_its_end(_ended(list(self._tasks)), name="end of all turns")

    async def _take(self, turn: AsyncGenerator[Event], thread: str, heard: Backlog) -> None:
        try:
            async with self._threads.setdefault(thread, asyncio.Lock()), aclosing(turn) as events:
                async for event in events:
                    await heard.put(event)
        finally:
            heard.close()


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
