"""How many calls of a tool may begin in a time, and the gate that holds them to it."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass
from math import inf
from typing import Self

from asyncio_throttle.throttler import Throttler

from trunkline.errors import RateError

_TEXT = re.compile(r"([0-9]{1,9})/([0-9]{1,9}(?:\.[0-9]{1,9})?)?(s|min|h)")
_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}
_SHORTEST_SLEEP = 0.0001  # seconds: above the resolution of any clock, so that a sleep never ends where it began


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls in any stretch of so many seconds."""

    count: int
    """At least 1."""

    per: float = 1.0
    """Seconds, above 0 and finite."""

    def __post_init__(self) -> None:
        if self.count < 1 or not 0 < self.per < inf:
            raise RateError(
                rate=f"{self.count}/{self.per:g}s", problem="needs a count of at least 1 and a finite period above 0"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a rate like `10/s`, `100/min`, `5/2s` or `3/h`. Raises `RateError` for anything else."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise RateError(rate=text, problem="cannot be read")
        count, times, unit = match.groups()
        return cls(int(count), float(times or 1) * _UNITS[unit])


class RateGate:
    """Lets callers through at a rate, in the order of asking. Belongs to one event loop."""

    def __init__(self, rate: Rate) -> None:
        self._throttler = _LoopThrottler(rate)
        self._waiters = deque[asyncio.Future[float]]()
        self._dispatcher: asyncio.Task[None] | None = None  # there while somebody waits

    async def turn(self) -> None:
        """Wait for one's turn, which begins when this returns. Cancelled, it takes none: the next in line moves up."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        if self._dispatcher is None:
            self._start()
        try:
            await waiter
        except asyncio.CancelledError:
            self._leave(waiter)
            raise

    async def _dispatch(self) -> None:
        """Give turns to the waiters. The only one inside the throttler, which makes each of its callers poll."""
        while self._waiters:
            turn = await self._throttler.take()
            waiter = self._waiters.popleft()
            if waiter.cancelled():  # and its task has not run since
                self._throttler.give_back(turn)
            else:
                waiter.set_result(turn)
        self._dispatcher = None

    def _leave(self, waiter: asyncio.Future[float]) -> None:
        """Go without a turn, or give back the one that came together with the cancellation."""
        if not waiter.cancelled():
            self._throttler.give_back(waiter.result())
            self._stop()
            if self._waiters:
                self._start()  # anew: the next in line need not sleep for this turn to be over
        elif waiter in self._waiters:
            self._waiters.remove(waiter)
            if not self._waiters:
                self._stop()

    def _start(self) -> None:
        self._dispatcher = asyncio.create_task(self._dispatch(), name="rate gate")

    def _stop(self) -> None:
        if self._dispatcher is not None:
            self._dispatcher.cancel()
            self._dispatcher = None


class _LoopThrottler(Throttler):
    """A throttler on the event loop's clock, that sleeps until a turn is free.

    The library goes by `time.monotonic()`, which a loop with a clock of its own does not follow, and looks again every
    `retry_interval`.
    """

    def __init__(self, rate: Rate) -> None:
        super().__init__(rate.count, rate.per)

    async def take(self) -> float:
        """Wait for a turn and return when it began. Cancelled, it takes none."""
        await self.acquire()  # type: ignore[no-untyped-call]
        self._task_logs[-1] = now = asyncio.get_running_loop().time()
        return now

    def give_back(self, turn: float) -> None:
        """Free a turn that was not used."""
        if turn in self._task_logs:
            self._task_logs.remove(turn)

    def flush(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._task_logs and self._task_logs[0] + self.period <= now:
            self._task_logs.popleft()
        if self._task_logs:
            self.retry_interval = max(self._task_logs[0] + self.period - now, _SHORTEST_SLEEP)
