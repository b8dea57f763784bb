"""Begins a run in the process that asks for it, as soon as its thread is free."""

from __future__ import annotations

import asyncio

from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.queue.claiming import Claimed
from trunkline.runtime.storage.queue.finishing import Ended
from trunkline.runtime.storage.queue.queue import RunQueue
from trunkline.runtime.storage.run_rows import Run
from trunkline.runtime.workers.presence import Presence
from trunkline.tools.shielding import to_its_end

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5


async def begin_here(run: Run, database: Database, presence: Presence, *, answers: bool) -> Claimed:
    """Put the run on record and begin it. While another process has the thread, wait for it to end, or to be dead.

    `answers` says whether it brings the answer that the thread's last run waits for.
    Raises `ForeignThreadError`, `WorkerDeadError`.
    """
    await presence.arrive()
    pause = _FIRST_PAUSE
    while (claimed := await _attempt(run, database.queue, presence.id, answers=answers)) is None:
        reaped = await reap_dead(database, presence)
        if not reaped:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
    return claimed


async def _attempt(run: Run, queue: RunQueue, worker_id: str, *, answers: bool) -> Claimed | None:
    """Begin the run. Cancelled meanwhile, end it again: nobody would."""
    beginning = asyncio.create_task(queue.begin(run, worker_id, answers=answers), name=f"begin {run.id}")
    try:
        return await asyncio.shield(beginning)
    except asyncio.CancelledError:
        await to_its_end(_let_go(beginning, queue), name=f"let go of {run.id}")
        raise


async def _let_go(beginning: asyncio.Task[Claimed | None], queue: RunQueue) -> None:
    if claimed := await beginning:
        await queue.finish(claimed.lease, Ended(status=RunStatus.CANCELLED))


async def reap_dead(database: Database, presence: Presence) -> bool:
    """Free the threads of workers that are dead, as a `Reaper` does; return whether there were any."""
    living = [worker_id for worker_id in await database.workers.living() if worker_id != presence.id]
    dead_here = presence.dead_here(living)
    reaped = await database.queue.reap(known_dead=dead_here, expired=presence.steady)
    return bool(reaped.workers)
