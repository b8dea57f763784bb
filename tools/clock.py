"""Time as the engine asks for it: the machine's, or one that a test moves by hand."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Protocol


class Clock(Protocol):
    """Where deadlines, back-offs and pauses take their time from. Time-outs of running tools are the event loop's."""

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait. Cancelled, it leaves nothing behind."""
        ...


class SystemClock:
    """The machine's clock and the event loop's."""

    def now(self) -> datetime:
        """Return the time of day."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the event loop's time, in seconds."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until a test moves it with `advance`. Belongs to one event loop."""

    def __init__(self, start: datetime = datetime(2025, 6, 2, 10, tzinfo=UTC)) -> None:
        if start.tzinfo is None:
            message = f"start must be an aware datetime, got {start.isoformat()}; give it tzinfo=UTC"
            raise ValueError(message)
        self._start, self._passed = start.astimezone(UTC), 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> datetime:
        """Return the time at which the clock stands."""
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        """Return the seconds by which the clock was moved so far."""
        return self._passed

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been moved so far; at least one pass of the event loop."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._passed + seconds, next(self._order), woken))
        await woken

    @property
    def next_wake(self) -> float | None:
        """Seconds until the first sleeper's time has come; None while nobody sleeps."""
        self._forget_cancelled()
        return self._sleepers[0][0] - self._passed if self._sleepers else None

    async def advance(self, seconds: float) -> None:
        """Move the clock, waking sleepers in the order of their times; each gets to run before the next one wakes."""
        if seconds < 0:
            message = f"seconds must be at least 0, got {seconds:g}: time does not go back"
            raise ValueError(message)
        await _let_others_run()  # who was about to sleep counts from where the clock stands now
        until = self._passed + seconds
        self._forget_cancelled()
        while self._sleepers and self._sleepers[0][0] <= until:
            self._wake(self._sleepers[0][0])
            await _let_others_run()
            self._forget_cancelled()
        self._passed = until
        await _let_others_run()

    def _wake(self, time: float) -> None:
        self._passed = max(self._passed, time)
        while self._sleepers and self._sleepers[0][0] <= time:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)

    def _forget_cancelled(self) -> None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)


async def _let_others_run(passes: int = 10) -> None:
    for _ in range(passes):
        await asyncio.sleep(0)
