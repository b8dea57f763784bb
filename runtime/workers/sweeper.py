"""`Sweeper`: ends runs for whose answer nobody has to wait any longer."""

from __future__ import annotations

import asyncio
import logging

from trunkline.runtime.storage.queue.queue import RunQueue

log = logging.getLogger("trunkline.workers")

_LOOK = 5.0
"""Seconds between two looks."""


class Sweeper:
    """Cancels the runs that have waited too long for an answer. Any number of workers may do it at once."""

    def __init__(self, queue: RunQueue) -> None:
        self._queue = queue

    async def run(self) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            try:
                if given_up := await self._queue.give_up_waiting():
                    log.info("runs.given_up run_ids=%s", ",".join(given_up))
            except Exception:
                log.exception("sweeper.failed")
            await asyncio.sleep(_LOOK)
