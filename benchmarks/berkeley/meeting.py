"""Where the calls of one turn meet: it shows whether they run side by side, and sends them off in another order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Hashable
from contextlib import suppress

PATIENCE = 2.0
"""Seconds that a call waits for the others. Only where calls that should meet do not is it waited to its end."""


class Meeting:
    """Nobody leaves before `width` different calls are there, and then the last to come leaves first.

    Calls that ask for the same count as one: a turn need not run them twice.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._inside: Counter[Hashable] = Counter()
        self._waiting: list[asyncio.Event] = []
        self.attended: Counter[Hashable] = Counter()
        """How often each call was run."""

        self.peak = 0
        """How many different calls ran at once at most."""

    async def attend(self, call: Hashable) -> None:
        """Come in, wait for the others, and leave in turn; after `PATIENCE` leave in any case: the peak tells."""
        self.attended[call] += 1
        self._inside[call] += 1
        self.peak = max(self.peak, len(self._inside))
        leave = asyncio.Event()
        self._waiting.append(leave)
        if self.peak == self._width:
            self._send_one_off()
        with suppress(TimeoutError):
            await asyncio.wait_for(leave.wait(), PATIENCE)
        self._inside -= Counter([call])
        self._send_one_off()

    def _send_one_off(self) -> None:
        if self._waiting:
            self._waiting.pop().set()
