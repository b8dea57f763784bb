"""`Presence`: this process among the workers of a database."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from importlib.metadata import version

from trunkline.errors import OneWorkerError, WorkerDeadError
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.queue.presence import CancelWanted, WorkerInfo
from trunkline.runtime.workers.heartbeat import SUSPECT, Heartbeat, boot_seconds
from trunkline.runtime.workers.life_lock import LifeLock, dead_among, lock_folder

log = logging.getLogger("trunkline.workers")

LEASE = 30.0
"""Seconds for which a worker counts as alive after it has said so."""

MAX_STALL = 120.0
"""Seconds for which a blocked event loop is covered by the heartbeat."""

_LOOK = 1.0
"""Seconds between two signs that the event loop lives."""


class Presence:
    """Puts this process on record, keeps it there, and takes it off at the end. A `Permit` for what runs here.

    On a server the lease is renewed by a heartbeat; on this machine, and so for every embedded database, a life lock
    tells at once who is dead.
    """

    def __init__(
        self,
        database: Database,
        *,
        queues: Sequence[str] = (),
        slots: int = 0,
        alone: bool = False,
        lease: float = LEASE,
        max_stall: float = MAX_STALL,
        on_cancel: Callable[[CancelWanted], None] | None = None,
    ) -> None:
        self.id = f"w-{secrets.token_hex(6)}"
        self._database = database
        self._alone = alone
        self._queues, self._slots, self.lease, self._max_stall = tuple(queues), slots, lease, max_stall
        self._on_cancel = on_cancel
        self._arriving = asyncio.Lock()
        self._lock: LifeLock | None = None
        self._heartbeat: Heartbeat | None = None
        self._pulse: asyncio.Task[None] | None = None
        self._renewed = asyncio.Event()
        self.dead = asyncio.Event()
        """Set when others have given this worker up."""

    async def arrive(self) -> None:
        """Put this process on record, once. Raises `OneWorkerError`."""
        async with self._arriving:
            if self._lock is not None:
                return
            info = WorkerInfo(
                id=self.id,
                host=socket.gethostname(),
                pid=os.getpid(),
                version=version("trunkline"),
                queues=self._queues,
                slots=self._slots,
                alone=self._alone,
            )
            if self._slots and self._database.url.embedded:
                await self._require_no_other()
            lock = LifeLock(lock_folder(self._database.url), self.id)
            try:
                await self._database.queue.arrive(info, lease=self.lease)
            except BaseException:
                lock.release()
                raise
            self._lock = lock
            if not self._database.url.embedded:
                self._start_heartbeat()
            elif self._on_cancel:
                self._pulse = asyncio.create_task(self._look_for_wishes(), name="wishes")

    async def leave(self) -> None:
        """Take this process off the record."""
        if self._pulse:
            self._pulse.cancel()
        if self._heartbeat:
            await asyncio.to_thread(self._heartbeat.stop)
        if self._lock is not None:
            try:
                await self._database.queue.leave(self.id)
            finally:
                self._lock.release()

    @property
    def suspect(self) -> bool:
        """Whether this process must doubt that it still has its leases. Nothing new may start meanwhile."""
        beat = self._heartbeat
        return self.dead.is_set() or (beat is not None and boot_seconds() - beat.renewed_at > SUSPECT * self.lease)

    @property
    def steady(self) -> bool:
        """Whether this process may judge others by their leases: it has renewed its own for one lease without a gap.

        After an outage of the database every lease is over, and nobody is dead.
        """
        beat = self._heartbeat
        return beat is not None and not self.suspect and boot_seconds() - beat.steady_since > self.lease

    async def granted(self) -> None:
        """Return once nothing is in doubt. A worker that was given up waits until it is cancelled."""
        while self.suspect:
            self._renewed.clear()
            await self._renewed.wait()

    def dead_here(self, worker_ids: Sequence[str]) -> list[str]:
        """Return those of the workers that ran on this machine and are dead."""
        url = self._database.url
        return dead_among(lock_folder(url), worker_ids, all_here=url.embedded)

    async def _require_no_other(self) -> None:
        for other in await self._database.workers.serving():
            if not self.dead_here([other.id]):
                raise OneWorkerError(database=self._database.url.shown, worker=other.id, pid=other.pid)

    def _start_heartbeat(self) -> None:
        loop = asyncio.get_running_loop()
        self._heartbeat = Heartbeat(
            self._database.renewals(),
            self.id,
            lease=self.lease,
            max_stall=self._max_stall,
            on_renewed=lambda: loop.call_soon_threadsafe(self._renewed.set),
            on_cancel=lambda wanted: loop.call_soon_threadsafe(self._asked, wanted),
            on_death=lambda: loop.call_soon_threadsafe(self.dead.set),
        )
        self._heartbeat.start()
        self._pulse = asyncio.create_task(self._show_the_loop_lives(self._heartbeat), name="pulse")

    def _asked(self, wanted: Sequence[CancelWanted]) -> None:
        if self._on_cancel:
            for one in wanted:
                self._on_cancel(one)

    async def _look_for_wishes(self) -> None:
        """See which runs other processes wish to end: no bus leads from them to the worker of an embedded database."""
        while not self.dead.is_set():
            try:
                self._asked(await self._database.queue.renew(self.id, lease=self.lease))
            except WorkerDeadError:
                self.dead.set()
            except Exception:
                log.exception("worker.renewal_failed worker_id=%s", self.id)
            await asyncio.sleep(_LOOK)

    async def _show_the_loop_lives(self, heartbeat: Heartbeat) -> None:
        while True:
            heartbeat.loop_lives()
            await asyncio.sleep(_LOOK)
