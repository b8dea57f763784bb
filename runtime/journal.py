"""`Journal`: records what happens in one run in the event log, and rings for those who follow it."""

from __future__ import annotations

import asyncio
import logging

from trunkline.errors import LeaseLostError
from trunkline.runtime.bus.bus import Bus
from trunkline.runtime.events import Event, RunFinished, TextStreamed
from trunkline.runtime.queue.lease import Lease
from trunkline.runtime.queue.topics import run_topic
from trunkline.runtime.speaker import Speaker
from trunkline.runtime.storage.event_log import EventLog
from trunkline.runtime.storage.payloads import Payloads

log = logging.getLogger("trunkline.events")


class Journal:
    """Writes without ever waiting or failing: an event that cannot be stored is logged, and the run goes on.

    How the run began and ended is recorded by the queue, together with the run's row.
    """

    def __init__(self, *, events: EventLog, bus: Bus, payloads: Payloads, run_id: str, aloud: bool) -> None:
        """`aloud` tells text over the bus while it is streamed."""
        self._events, self._bus, self._payloads, self._run_id = events, bus, payloads, run_id
        self._speaker = Speaker(bus, run_id) if aloud else None
        self._ringing: asyncio.Task[None] | None = None

    def record(self, event: Event, lease: Lease) -> None:
        """Record what happened under the lease; text is only told."""
        match event:
            case TextStreamed(node=node, text=text):
                if self._speaker:
                    self._speaker.say(text, node=node, after=lease.next_event - 1)
            case RunFinished():
                pass  # the queue records it with the run's row
            case _:
                try:
                    posted = self._events.append(lease, event, self._payloads)
                except (TypeError, ValueError, RecursionError):
                    log.exception("event.not_storable run_id=%s kind=%s", self._run_id, type(event).__name__)
                else:
                    posted.add_done_callback(self._committed)

    def close(self) -> None:
        """Tell no more text."""
        if self._speaker:
            self._speaker.close()

    def _committed(self, posted: asyncio.Future[None]) -> None:
        if posted.cancelled():
            return
        match posted.exception():
            case None:
                if self._ringing is None:
                    self._ringing = asyncio.create_task(self._ring(), name=f"ring {self._run_id}")
            case LeaseLostError():
                pass  # who holds the lease is told of it
            case error:
                log.error("event.not_recorded run_id=%s", self._run_id, exc_info=error)

    async def _ring(self) -> None:
        self._ringing = None
        await self._bus.publish(run_topic(self._run_id))
