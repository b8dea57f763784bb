"""Latencies in a time of their own: they decide which call of a batch takes the next step, whatever the machine."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from heapq import heappop, heappush
from typing import Any, TypeVar

Result = TypeVar("Result")

Delay = Callable[[int, int], float]
"""Tells how long a call takes before a step, from the call's position in the batch and the number of the step."""

_CYCLES = 20
"""Turns of the event loop in which a call that may start now has started."""


class Latencies:
    """Lets one call of a batch take one step at a time: the one whose latency is over first. For one batch.

    A step that does not end within `patience` seconds, because it waits for a lock that a paused call holds, holds
    nobody up: the next call takes its step meanwhile. A blocking step is waited for.
    """

    def __init__(self, delay: Delay, *, patience: float) -> None:
        self._delay, self._patience = delay, patience
        self._time = 0.0
        self._paused: list[tuple[float, int, bool, asyncio.Future[None]]] = []
        self._stepping: int | None = None
        self._stirred = asyncio.Event()
        self._making_way = True
        """Whether calls may be about to start: those of the beginning, or those that waited for one that has ended."""

        self.steps: Counter[int] = Counter()
        """How many steps each call took, by position."""

    async def pause(self, position: int, *, blocking: bool = False) -> None:
        """Wait for the latency before the next step of the call at this position to be over."""
        gate = asyncio.get_running_loop().create_future()
        due = self._time + self._delay(position, self.steps[position])
        heappush(self._paused, (due, position, blocking, gate))
        self.steps[position] += 1
        self._stepped(position)
        await gate

    def ended(self, position: int) -> None:
        """Note that the call at this position takes no more steps."""
        self._making_way = True
        self._stepped(position)

    async def conduct(self, batch: Coroutine[Any, Any, Result]) -> Result:
        """Run the batch, whose calls pause here, to its end."""
        async with asyncio.TaskGroup() as group:
            conductor = group.create_task(self._release(), name="latencies")
            try:
                return await batch
            finally:
                conductor.cancel()

    def _stepped(self, position: int) -> None:
        if self._stepping == position:
            self._stepping = None
        self._stirred.set()

    async def _release(self) -> None:
        blocking = False
        while True:
            await self._settle(None if blocking else self._patience)
            if not self._paused:
                self._stirred.clear()
                await self._stirred.wait()
                continue
            self._time, self._stepping, blocking, gate = heappop(self._paused)
            if not gate.done():
                gate.set_result(None)

    async def _settle(self, patience: float | None) -> None:
        """Wait until the call that was let go has taken its step, and those that it made way for have come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._stepping is not None:
                    self._stirred.clear()
                    await self._stirred.wait()
        if self._making_way or self._stepping is not None:  # a slow machine is no lock: the step may be about to end
            self._making_way = False
            for _ in range(_CYCLES):
                await asyncio.sleep(0)
        self._stepping = None
