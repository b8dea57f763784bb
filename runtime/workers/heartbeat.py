"""`Heartbeat`: keeps a worker's lease alive in a thread of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from trunkline.errors import WorkerDeadError
from trunkline.runtime.storage.queue.heartbeat import Renewals
from trunkline.runtime.storage.queue.presence import CancelWanted

log = logging.getLogger("trunkline.workers")

BEATS = 4
"""Renewals in the time of one lease."""

SUSPECT = 0.75
"""The part of a lease after which a worker doubts that it still has it."""


def boot_seconds() -> float:
    """Return the seconds since the machine started, those included in which it slept."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Heartbeat:
    """Renews the lease four times in its length, also while the event loop is blocked, up to `max_stall` seconds.

    Its callbacks are called in its thread. When the database says that the worker is dead, it ends.
    """

    def __init__(
        self,
        renewals: Renewals,
        worker_id: str,
        *,
        lease: float,
        max_stall: float,
        on_renewed: Callable[[], Any],
        on_cancel: Callable[[list[CancelWanted]], Any],
        on_death: Callable[[], Any],
    ) -> None:
        self._renewals, self._worker_id, self._lease, self._max_stall = renewals, worker_id, lease, max_stall
        self._on_renewed, self._on_cancel, self._on_death = on_renewed, on_cancel, on_death
        self._stopped = Event()
        self._thread = Thread(target=self._run, name=f"heartbeat {worker_id}", daemon=True)
        self.renewed_at = boot_seconds()
        """When the last renewal that succeeded was sent."""

        self.steady_since = self.renewed_at
        """Since when no renewal has been late."""

        self._seen_at = boot_seconds()

    def start(self) -> None:
        """Start the thread. The lease counts as just renewed."""
        self.renewed_at = self.steady_since = self._seen_at = boot_seconds()
        self._thread.start()

    def loop_lives(self) -> None:
        """Note that the event loop runs. Called by the loop itself."""
        self._seen_at = boot_seconds()

    def stop(self) -> None:
        """End the thread and close its connection."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopped.wait(self._lease / BEATS):
                if boot_seconds() - self._seen_at > self._max_stall:
                    log.error("worker.stalled worker_id=%s seconds=%.0f", self._worker_id, self._max_stall)
                elif not self._beat():
                    return
        finally:
            self._renewals.close()

    def _beat(self) -> bool:
        """Renew once; return whether to go on."""
        sent_at = boot_seconds()
        try:
            wanted = self._renewals.renew(self._worker_id, lease=self._lease)
        except WorkerDeadError:
            log.exception("worker.declared_dead worker_id=%s", self._worker_id)
            self._on_death()
            return False
        except Exception:
            log.exception("worker.renewal_failed worker_id=%s", self._worker_id)
        else:
            if (answered_at := boot_seconds()) - self.renewed_at > SUSPECT * self._lease:
                self.steady_since = answered_at
            self.renewed_at = sent_at
            self._on_renewed()
            if wanted:
                self._on_cancel(wanted)
        return True
