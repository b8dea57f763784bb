"""`Strain`: whether this process has more to do than it can."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

log = logging.getLogger("trunkline.workers")

MOST_LAG = 0.25
"""Seconds by which the event loop may be late."""

_LOOK = 0.05
_LOOKS = 100
"""Five seconds of looks. One that is late is an accident; the second worst of them is the 99th percentile."""


class Strain:
    """Measures how late the event loop is, and whether everybody has to wait for the database's connections.

    While it `is_great`, a worker claims no more runs: those that it has would only be slower, and others are free.
    """

    def __init__(self, connections_are_out: Callable[[], bool]) -> None:
        self._connections_are_out = connections_are_out
        self._late: deque[float] = deque(maxlen=_LOOKS)
        self._told = False

    @property
    def lag(self) -> float:
        """By how many seconds the loop is late: the 99th percentile of the last five seconds."""
        return sorted(self._late)[-2] if len(self._late) > 1 else 0.0

    @property
    def is_great(self) -> bool:
        """Whether this process should take no more work."""
        return self.lag > MOST_LAG or self._connections_are_out()

    async def run(self) -> None:
        """Look twenty times a second, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LOOK
            await asyncio.sleep(_LOOK)
            self._late.append(loop.time() - due)
            self._tell()

    def _tell(self) -> None:
        if self.is_great != self._told:
            self._told = not self._told
            log.warning("worker.strain_%s lag=%.3f", "began" if self._told else "ended", self.lag)
