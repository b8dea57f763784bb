"""`Scheduler`: submits the runs of schedules when they are due."""

from __future__ import annotations

import asyncio
import logging

from trunkline.runtime.storage.queue.schedules import ScheduleBook
from trunkline.runtime.storage.queue.scheduling import ScheduleId

log = logging.getLogger("trunkline.workers")

LOOK = 1.0
"""Seconds between two looks at the schedules."""


class Scheduler:
    """Fires what is due, every second. Any number of workers do so: a moment's run is submitted once."""

    def __init__(self, schedules: ScheduleBook) -> None:
        self._schedules = schedules

    async def run(self) -> None:
        """Look every second, until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("scheduler.failed")
            await asyncio.sleep(LOOK)

    async def look(self) -> list[str]:
        """Fire every schedule that is due, and return the runs; one whose runs cannot be submitted is tried again."""
        runs: list[str] = []
        passed: set[ScheduleId] = set()
        while fired := await self._schedules.fire_next(passed):
            if fired.problem:
                passed.add(fired.schedule)
                log.warning("schedule.not_fired tenant=%s name=%s error=%s", *fired.schedule, fired.problem)
            if fired.runs:
                log.info("schedule.fired tenant=%s name=%s run_ids=%s", *fired.schedule, ",".join(fired.runs))
            runs += fired.runs
        return runs
