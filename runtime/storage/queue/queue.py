"""`RunQueue`: the queue of runs in the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.queue.lease import Lease
from trunkline.runtime.queue.submission import Submission
from trunkline.runtime.storage.queue import answering, claiming, finishing, presence, reaping, stopping, submitting
from trunkline.runtime.storage.queue.claiming import Claimed
from trunkline.runtime.storage.queue.clock import DatabaseClock, ServerClock
from trunkline.runtime.storage.queue.finishing import End
from trunkline.runtime.storage.queue.presence import CancelWanted, WorkerInfo
from trunkline.runtime.storage.queue.reaping import Reaped
from trunkline.runtime.storage.queue.stopping import Stopped
from trunkline.runtime.storage.queue.submitting import Submitted
from trunkline.runtime.storage.run_rows import Run
from trunkline.runtime.storage.writer import Writer

Result = TypeVar("Result")
Timed = Callable[[AsyncConnection, int], Awaitable[Result]]


class RunQueue:
    """Submits, claims, finishes and stops runs: one transaction a method, timed by the database's clock."""

    def __init__(self, *, writer: Writer, clock: DatabaseClock | None = None) -> None:
        self._writer = writer
        self._clock = clock or ServerClock()

    async def submit(self, wanted: Submission, *, connection: AsyncConnection | None = None) -> Submitted:
        """Queue a run, or find the one that its key belongs to; see `submitting.submit`.

        With a connection it is part of the caller's transaction: others see it when that commits, and until then the
        thread waits for it.
        """
        if connection is not None:
            return await submitting.submit(connection, wanted, await self._clock.read(connection))
        return await self._insert(lambda connection, now: submitting.submit(connection, wanted, now))

    async def claim(self, worker_id: str, queues: Sequence[str], *, limit: int) -> list[Claimed]:
        """Begin up to `limit` runs; see `claiming.claim`."""
        return await self._do(
            lambda connection, now: claiming.claim(connection, worker_id, queues, limit=limit, now=now)
        )

    async def begin(self, run: Run, worker_id: str) -> Claimed | None:
        """Begin a run that was never queued; None when somebody has its thread. See `claiming.begin`."""
        return await self._insert(lambda connection, now: claiming.begin(connection, run, worker_id, now))

    async def finish(self, lease: Lease, end: End, *, next_event: int = 1) -> str | None:
        """End a claim, and return the queue to ring; see `finishing.finish`."""
        return await self._do(
            lambda connection, now: finishing.finish(connection, lease, end, next_event=next_event, now=now)
        )

    async def stop(self, run_id: str) -> Stopped:
        """Cancel a run, or ask its worker to."""
        return await self._do(lambda connection, now: stopping.stop(connection, run_id, now))

    async def kill(self, run_id: str) -> Stopped:
        """Cancel a run at once and take its lease away. Raises `RunStateError`."""
        return await self._do(lambda connection, now: stopping.kill(connection, run_id, now))

    async def answer(self, run_id: str, resume: bytes) -> str | None:
        """Answer a run that waits, and return the queue to ring. Raises `RunStateError`."""
        return await self._do(lambda connection, now: answering.answer(connection, run_id, resume, now))

    async def give_up_waiting(self) -> Sequence[str]:
        """Cancel the runs whose time for an answer is over."""
        return await self._do(answering.give_up_waiting)

    async def arrive(self, worker: WorkerInfo, *, lease: float) -> None:
        """Put a worker on record."""
        await self._do(lambda connection, now: presence.arrive(connection, worker, lease=lease, now=now))

    async def renew(self, worker_id: str, *, lease: float) -> list[CancelWanted]:
        """Keep a worker alive. Raises `WorkerDeadError`."""
        return await self._do(lambda connection, now: presence.renew(connection, worker_id, lease=lease, now=now))

    async def drain(self, worker_id: str) -> None:
        """Let others see that a worker takes no more work."""
        await self._writer.write(lambda connection: presence.drain(connection, worker_id))

    async def leave(self, worker_id: str) -> None:
        """Take a worker off the record."""
        await self._writer.write(lambda connection: presence.leave(connection, worker_id))

    async def count_refused(self, worker_id: str, count: int) -> None:
        """Add refused writes to a worker's record."""
        await self._writer.write(lambda connection: presence.count_refused(connection, worker_id, count))

    async def reap(self, *, known_dead: Collection[str] = (), expired: bool = True) -> Reaped:
        """Take threads from dead workers; see `reaping.reap`."""
        return await self._do(
            lambda connection, now: reaping.reap(connection, now, known_dead=known_dead, expired=expired)
        )

    async def _do(self, work: Timed[Result]) -> Result:
        async def timed(connection: AsyncConnection) -> Result:
            return await work(connection, await self._clock.read(connection))

        return await self._writer.write(timed)

    async def _insert(self, work: Timed[Result]) -> Result:
        """Do it; once more when somebody else has inserted the same at the same time."""
        try:
            return await self._do(work)
        except IntegrityError:
            return await self._do(work)
