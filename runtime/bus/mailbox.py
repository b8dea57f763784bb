"""What waits for one listener: a buffer with a bound, in which a ring lies once."""

from __future__ import annotations

import asyncio
from collections import deque

from trunkline.runtime.bus.bus import Heard, Missed

CAPACITY = 1024
"""Messages that wait for a listener at most."""

_MISSED = Missed()


class Mailbox:
    """A listener, and where the bus puts what it hears. When it is full the oldest make room, and leave a `Missed`."""

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._waiting: deque[Heard | Missed] = deque()
        self._rung: set[str] = set()
        self._arrived = asyncio.Event()

    def put(self, heard: Heard) -> None:
        """Let the listener hear this."""
        if not heard.message:
            if heard.topic in self._rung:
                return
            self._rung.add(heard.topic)
        self._waiting.append(heard)
        if len(self._waiting) > self._capacity:
            self._make_room()
        self._arrived.set()

    def put_missed(self) -> None:
        """Let the listener know that something may be missing between what came so far and what comes next."""
        if not self._waiting or self._waiting[-1] is not _MISSED:
            self._waiting.append(_MISSED)
        self._arrived.set()

    def __aiter__(self) -> Mailbox:
        """Go through what comes, without end."""
        return self

    async def __anext__(self) -> Heard | Missed:
        """Wait for what comes next."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self._take()

    async def next(self, *, within: float) -> Heard | Missed | None:
        """Wait so many seconds for what comes next; None if nothing does."""
        if self._waiting:
            return self._take()
        try:
            async with asyncio.timeout(within):
                return await anext(self)
        except TimeoutError:
            return None

    def _take(self) -> Heard | Missed:
        first = self._waiting.popleft()
        if isinstance(first, Heard) and not first.message:
            self._rung.discard(first.topic)
        return first

    def _make_room(self) -> None:
        while len(self._waiting) >= self._capacity:
            self._take()
        self._waiting.appendleft(_MISSED)
