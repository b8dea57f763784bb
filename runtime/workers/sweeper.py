"""`Sweeper`: does again and again what must be done some time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger("trunkline.workers")

GIVE_UP = 5.0
"""Seconds between two looks at runs that wait for an answer."""

PRUNE = 60.0
"""Seconds between two looks at threads whose time may be over."""


class Sweeper:
    """Sweeps at regular times. Any number of workers may sweep one database at once."""

    def __init__(self, sweep: Callable[[], Awaitable[object]], *, name: str, every: float) -> None:
        """`name` is what its log lines call it; `every` is the pause between two sweeps, in seconds."""
        self._sweep, self._name, self._every = sweep, name, every

    async def run(self) -> None:
        """Sweep until cancelled. A sweep that fails is told in the log."""
        while True:
            try:
                await self._sweep()
            except Exception:
                log.exception("%s.failed", self._name)
            await asyncio.sleep(self._every)
