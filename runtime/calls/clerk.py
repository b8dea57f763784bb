"""The clerk: does in the background what nobody waits for at the desk."""

from __future__ import annotations

import asyncio
import logging

from trunkline.runtime.calls.desk import Desk
from trunkline.tools.clock import Clock

log = logging.getLogger("trunkline.calls")

PAUSE = 1.0
"""Seconds between two looks at the database."""


class Clerk:
    """Expires requests whose time is over, and carries out what people have agreed on in other processes."""

    def __init__(self, desk: Desk, clock: Clock) -> None:
        self._desk, self._clock = desk, clock

    async def run(self) -> None:
        """Look again and again, until cancelled. A database that does not answer is asked again at the next look."""
        while True:
            await self._clock.sleep(PAUSE)
            if not self._desk.has_gated_tools:
                continue
            try:
                await self._desk.expire()
                await self._desk.carry_on()
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("clerk.look_failed")
