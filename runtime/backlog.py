"""`Backlog`: events between a turn and who listens to it."""

from __future__ import annotations

import asyncio
from collections import deque

from trunkline.runtime.events import Event, TextStreamed

CAPACITY = 1024
"""Events that wait for the listener at most."""


class Backlog:
    """A buffer with a bound, for one listener. When it is full, text is joined to the text that came last, and anything
    else waits for room: a slow listener slows the turn down and loses nothing.
    """

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._waiting: deque[Event] = deque()
        self._closed = False
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    async def put(self, event: Event) -> None:
        """Let the listener hear this, as soon as there is room."""
        while len(self._waiting) >= self._capacity:
            if joined := _joined(self._waiting[-1], event):
                self._waiting[-1] = joined
                return
            await self._change()
        self._waiting.append(event)
        self._changed.set()

    def close(self) -> None:
        """Let the listener know that nothing follows."""
        self._closed = True
        self._changed.set()

    async def get(self) -> Event | None:
        """Wait for what comes next; None at the end."""
        while not self._waiting:
            if self._closed:
                return None
            await self._change()
        event = self._waiting.popleft()
        self._changed.set()
        return event

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


def _joined(earlier: Event, later: Event) -> Event | None:
    match earlier, later:
        case TextStreamed(node=node, text=before), TextStreamed(node=same, text=after) if node == same:
            return TextStreamed(node=node, text=before + after)
        case _:
            return None
