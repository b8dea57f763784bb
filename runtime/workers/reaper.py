"""`Reaper`: frees the threads of workers that are dead."""

from __future__ import annotations

import asyncio
import logging

from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.queue.reaping import Reaped
from trunkline.runtime.workers.presence import Presence

log = logging.getLogger("trunkline.workers")

LOOK = 1.0
"""Seconds between two looks at the workers of this machine."""


class Reaper:
    """Looks for dead workers: those of this machine by their life locks, all others by their leases.

    It judges by leases only while this worker's own is renewed without a gap; see `Presence.steady`.
    """

    def __init__(self, database: Database, presence: Presence) -> None:
        self._database, self._presence = database, presence

    async def run(self) -> None:
        """Look every second, until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("reaper.failed")
            await asyncio.sleep(LOOK)

    async def look(self) -> Reaped:
        """Free what dead workers have."""
        others = [worker_id for worker_id in await self._database.workers.living() if worker_id != self._presence.id]
        if not others:
            return Reaped()
        reaped = await self._database.queue.reap(
            known_dead=self._presence.dead_here(others), expired=self._presence.steady
        )
        if reaped.workers:
            log.warning("workers.reaped worker_ids=%s requeued=%s ended=%s", *_lists(reaped))
        return reaped


def _lists(reaped: Reaped) -> tuple[str, str, str]:
    return ",".join(reaped.workers), ",".join(reaped.requeued), ",".join(reaped.ended)
