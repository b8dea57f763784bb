"""`Reaper`: frees the threads of workers that are dead."""

from __future__ import annotations

import asyncio
import logging

from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.queue.reaping import Reaped
from trunkline.runtime.workers.heartbeat import boot_seconds
from trunkline.runtime.workers.presence import Presence

log = logging.getLogger("trunkline.workers")

LOOK = 1.0
"""Seconds between two looks at the workers of this machine."""


class Reaper:
    """Looks for dead workers: those of this machine by their life locks, all others by their leases.

    It judges by leases only after this worker has renewed its own for the length of one without a gap: after an outage
    of the database every lease is over, and nobody is dead.
    """

    def __init__(self, database: Database, presence: Presence) -> None:
        self._database, self._presence = database, presence
        self._steady_since = boot_seconds()

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
            known_dead=self._presence.dead_here(others), expired=self._may_judge_by_leases()
        )
        if reaped.workers:
            log.warning("workers.reaped worker_ids=%s requeued=%s ended=%s", *_lists(reaped))
        return reaped

    def _may_judge_by_leases(self) -> bool:
        if self._database.url.embedded:
            return False
        if self._presence.suspect:
            self._steady_since = boot_seconds()
        return boot_seconds() - self._steady_since > self._presence.lease


def _lists(reaped: Reaped) -> tuple[str, str, str]:
    return ",".join(reaped.workers), ",".join(reaped.requeued), ",".join(reaped.ended)
