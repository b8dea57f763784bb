"""`RunQueue`: the queue of runs in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import TypeVar

from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import CommitUnknownError, LeaseLostError, TrunklineError
from trunkline.runtime.bus.bus import Bus
from trunkline.runtime.bus.memory import MemoryBus
from trunkline.runtime.queue.lease import Lease
from trunkline.runtime.queue.submission import Submission
from trunkline.runtime.queue.topics import REST_TOPIC, queue_topic, run_topic, worker_topic
from trunkline.runtime.storage.checkpoints.seal import Clear, Seal
from trunkline.runtime.storage.queue import (
    answering,
    claiming,
    finishing,
    presence,
    reaping,
    retrying,
    stopping,
    submitting,
)
from trunkline.runtime.storage.queue.claiming import Claimed
from trunkline.runtime.storage.queue.clock import DatabaseClock, ServerClock
from trunkline.runtime.storage.queue.finishing import AttemptFailed, End, Finish
from trunkline.runtime.storage.queue.locking import Locks
from trunkline.runtime.storage.queue.presence import CancelWanted, WorkerInfo
from trunkline.runtime.storage.queue.reaping import Reaped
from trunkline.runtime.storage.queue.stopping import Stopped
from trunkline.runtime.storage.queue.submitting import Submitted
from trunkline.runtime.storage.queue.submitting_at_once import is_plain, submit_at_once
from trunkline.runtime.storage.ringing import ringing
from trunkline.runtime.storage.run_rows import Run
from trunkline.runtime.storage.sealed import lend_seal, opened, run_place
from trunkline.runtime.storage.writer import Writer

Result = TypeVar("Result")
_PAUSES = (0.1, 0.5, 2.0, 5.0)
"""Seconds between attempts to record the beginning or the end of a run."""

_UNREADABLE = 60.0
"""Seconds until a run is claimed again whose input did not open: another worker may have the key."""

Timed = Callable[[AsyncConnection, int], Awaitable[Result]]


class RunQueue:
    """Submits, claims, finishes and stops runs: one transaction a method, timed by the database's clock."""

    def __init__(
        self,
        *,
        writer: Writer,
        bus: Bus | None = None,
        clock: DatabaseClock | None = None,
        seal: Seal | None = None,
    ) -> None:
        """`bus` wakes and tells workers when something was committed that concerns them; `seal` is the writer's."""
        self._seal = seal or Clear()
        self._writer = writer
        self._bus = bus or MemoryBus()
        self._clock = clock or ServerClock()
        self._embedded = writer.embedded

    async def submit(self, wanted: Submission, *, connection: AsyncConnection | None = None) -> Submitted:
        """Queue a run, or find the one that its key belongs to; see `submitting.submit`.

        With a connection it is part of the caller's transaction: others see it when that commits, and until then the
        thread waits for it.
        """
        if connection is not None:
            await lend_seal(connection, self._seal)
            submitted = await submitting.submit(connection, wanted, await self._clock.read(connection))
            if submitted.ring and self._bus.rings_at_commit:
                await connection.execute(ringing(queue_topic(submitted.ring)))
            return submitted
        if at_once := await self._submitted_at_once(wanted):
            return at_once
        submitted = await self._insert(
            lambda connection, now: submitting.submit(connection, wanted, now), locks=submitting.locks_of(wanted)
        )
        await self._ring(submitted.ring)
        if submitted.stopped:
            await self.tell(submitted.stopped)
        return submitted

    async def claim(self, worker_id: str, queues: Sequence[str], *, limit: int) -> list[Claimed]:
        """Begin up to `limit` runs; see `claiming.claim`."""
        claimed = await self._writer.write_alone(
            lambda connection: claiming.claim(connection, worker_id, queues, limit=limit, fixed=self._clock.fixed)
        )
        for each in claimed:
            await self._bus.publish(run_topic(each.run.id))
        return [one for each in claimed if (one := await self._opened(each))]

    async def begin(self, run: Run, worker_id: str, *, answers: bool = False) -> Claimed | None:
        """Begin a run that was never queued; None when somebody has its thread. See `claiming.begin`."""
        locks = Locks(workers=frozenset({worker_id}), threads=frozenset({run.thread_id}))

        async def begin(connection: AsyncConnection, now: int) -> Claimed | None:
            return await claiming.begin(connection, run, worker_id, now, answers=answers)

        begun = await _until_answered(lambda: self._insert(begin, locks=locks))
        if begun:
            await self._bus.publish(run_topic(run.id))
        return begun

    async def take_over(self, lease: Lease) -> Claimed:
        """Return what another process has claimed under this lease; see `claiming.take_over`."""
        return self._plain(await self._writer.write(lambda connection: claiming.take_over(connection, lease)))

    async def finish(self, lease: Lease, end: End) -> None:
        """End a claim and release its lease; see `finishing.finish`."""
        item, locks = Finish(lease=lease, end=end), Locks(threads=frozenset({lease.thread_id}))
        try:
            ring = await _until_answered(lambda: self._writer.release(lease, self._finish, item, locks=locks))
        except LeaseLostError:
            lease.refused += 1
            raise
        await self._ring(ring)
        await self._changed(lease.run_id)

    async def stop(self, run_id: str) -> None:
        """Cancel a run, or ask its worker to. One that is over stays as it is."""
        await self.tell(await self._do(lambda connection, now: stopping.stop(connection, run_id, now)))

    async def kill(self, run_id: str) -> None:
        """Cancel a run at once and take its lease away. Raises `RunStateError`."""
        await self.tell(await self._do(lambda connection, now: stopping.kill(connection, run_id, now)))

    async def answer(self, run_id: str, resume: bytes, *, fence: int | None = None) -> None:
        """Answer what a run asked under that fence. Of several answers one wins; the others raise `RunStateError`."""
        ring = await self._do(lambda connection, now: answering.answer(connection, run_id, resume, now, fence=fence))
        await self._ring(ring)

    async def retry(self, run_id: str) -> None:
        """Queue a run again that is over and did not succeed; see `retrying.retry`."""
        await self._ring(await self._do(lambda connection, now: retrying.retry(connection, run_id, now)))

    async def give_up_waiting(self) -> Sequence[str]:
        """Cancel the runs whose time for an answer is over, and return them."""
        given_up = await self._do(answering.give_up_waiting)
        for run_id in given_up:
            await self._bus.publish(run_topic(run_id))
        return given_up

    async def arrive(self, worker: WorkerInfo, *, lease: float) -> None:
        """Put a worker on record."""
        await self._do(lambda connection, now: presence.arrive(connection, worker, lease=lease, now=now))

    async def renew(self, worker_id: str, *, lease: float) -> list[CancelWanted]:
        """Keep a worker alive. Raises `WorkerDeadError`."""
        return await self._do(lambda connection, now: presence.renew(connection, worker_id, lease=lease, now=now))

    async def drain(self, worker_id: str) -> None:
        """Let others see that a worker takes no more work."""
        await self._writer.write_alone(lambda connection: presence.drain(connection, worker_id))

    async def leave(self, worker_id: str) -> None:
        """Take a worker off the record, and what it still has away from it."""
        await self._ring_for(await self._do(lambda connection, now: presence.leave(connection, worker_id, now)))

    async def count_refused(self, worker_id: str, count: int) -> None:
        """Add refused writes to a worker's record."""
        await self._writer.write_alone(lambda connection: presence.count_refused(connection, worker_id, count))

    async def reap(self, *, known_dead: Collection[str] = (), expired: bool = True) -> Reaped:
        """Take threads from dead workers; see `reaping.reap`."""
        reaped = await self._do(
            lambda connection, now: reaping.reap(connection, now, known_dead=known_dead, expired=expired)
        )
        await self._ring_for(reaped)
        return reaped

    async def give_back(self, worker_id: str, *, keep: Collection[str]) -> None:
        """Take from a worker what it does not know to have; see `reaping.give_back`."""
        await self._ring_for(
            await self._do(lambda connection, now: reaping.give_back(connection, worker_id, now, keep=keep))
        )

    async def tell(self, stopped: Stopped) -> None:
        """Tell waiters and workers what was stopped, once that is committed."""
        await self._ring(stopped.ring)
        for run_id in stopped.cancelled:
            await self._changed(run_id)
        if stopped.asked:
            worker_id, run_id = stopped.asked
            await self._bus.publish(worker_topic(worker_id), run_id.encode())

    async def _submitted_at_once(self, wanted: Submission) -> Submitted | None:
        """Submit with one statement, if that can be."""
        if self._embedded or not is_plain(wanted):
            return None
        locks = submitting.locks_of(wanted)
        try:
            done = await self._writer.share(self._submit_each, wanted, at_once=self._submit_one, locks=locks)
        except IntegrityError:  # it is on record: the answer was lost, and it was sent again
            done = True
        if not done:
            return None
        if not self._bus.rings_at_commit and wanted.delay <= 0:
            await self._ring(wanted.queue)
        return Submitted(run_id=wanted.run_id)

    async def _submit_one(
        self, connection: AsyncConnection, runs: Sequence[Submission], leases: Collection[Lease]
    ) -> list[bool] | None:
        return await self._submit_each(connection, runs) if len(runs) == 1 and not leases else None

    async def _submit_each(self, connection: AsyncConnection, runs: Sequence[Submission]) -> list[bool]:
        rings = self._bus.rings_at_commit
        return [await submit_at_once(connection, wanted, self._clock.fixed, rings=rings) for wanted in runs]

    async def _opened(self, claimed: Claimed) -> Claimed | None:
        """Return the claim with what it holds opened. Where that does not open, the run has failed, and no other."""
        try:
            return self._plain(claimed)
        except TrunklineError as error:
            failed = AttemptFailed(error=f"{type(error).__name__}: {error}", delay=_UNREADABLE)
            await self.finish(claimed.lease, failed)
            return None

    def _plain(self, claimed: Claimed) -> Claimed:
        run = claimed.run

        def plain(name: str, stored: bytes | None) -> bytes | None:
            return None if stored is None else opened(self._seal, stored, run_place(run.thread_id, run.id, name))

        return replace(
            claimed,
            given=plain("given", claimed.given),
            resume=plain("resume", claimed.resume),
            interrupts=plain("interrupts", claimed.interrupts),
        )

    async def _finish(self, connection: AsyncConnection, claims: Sequence[Finish]) -> list[str | Exception | None]:
        return await finishing.finish(connection, claims, self._clock.fixed)

    async def _ring_for(self, reaped: Reaped) -> None:
        for ring in reaped.rings:
            await self._ring(ring)
        for run_id in reaped.ended:
            await self._changed(run_id)

    async def _changed(self, run_id: str) -> None:
        await self._bus.publish(run_topic(run_id))
        await self._bus.publish(REST_TOPIC, run_id.encode())

    async def _ring(self, queue: str | None) -> None:
        if queue is not None:
            await self._bus.publish(queue_topic(queue))

    async def _do(self, work: Timed[Result], *, locks: Locks | None = None) -> Result:
        """Do it, with others that say beforehand what they lock, or alone."""

        async def timed(connection: AsyncConnection) -> Result:
            return await work(connection, await self._clock.read(connection))

        if locks is None:
            return await self._writer.write_alone(timed)
        return await self._writer.write(timed, locks=locks)

    async def _insert(self, work: Timed[Result], *, locks: Locks) -> Result:
        """Do it; once more when somebody else has inserted the same at the same time."""
        try:
            return await self._do(work, locks=locks)
        except IntegrityError:
            return await self._do(work, locks=locks)


async def _until_answered(work: Callable[[], Awaitable[Result]]) -> Result:
    """Do again what changes nothing when it was done before, while the database does not answer."""
    for pause in _PAUSES:
        try:
            return await work()
        except (OperationalError, InterfaceError, CommitUnknownError):
            await asyncio.sleep(pause)
    return await work()
