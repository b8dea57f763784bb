"""The workers that there are, and their leases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import WorkerDeadError
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.queue.clock import SECOND
from trunkline.runtime.storage.queue.reaping import Reaped, give_back
from trunkline.runtime.storage.queue_tables import WorkerRow
from trunkline.runtime.storage.tables import RunRow, ThreadRow


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInfo:
    """A process that runs graphs."""

    id: str
    host: str
    pid: int
    version: str
    queues: Sequence[str]
    """Empty for a process that runs only its own turns."""

    slots: int
    alone: bool = False
    """Whether it serves runs that have taken others down in processes of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelWanted:
    """A run that its worker is asked to end."""

    run_id: str
    how: str


async def arrive(connection: AsyncConnection, worker: WorkerInfo, *, lease: float, now: int) -> None:
    """Put a worker on record, alive for `lease` seconds."""
    row = {
        "id": worker.id,
        "host": worker.host,
        "pid": worker.pid,
        "version": worker.version,
        "queues": ",".join(worker.queues),
        "slots": worker.slots,
        "alone": worker.alone,
        "state": "alive",
        "started_at": now,
        "lease_until": now + round(lease * SECOND),
    }
    await connection.execute(insert(WorkerRow), [row])


async def renew(connection: AsyncConnection, worker_id: str, *, lease: float, now: int) -> list[CancelWanted]:
    """Keep the worker alive for `lease` seconds more, and return which of its runs it is asked to end.

    A lease that is over, but that nobody has acted on, is renewed. Raises `WorkerDeadError`.
    """
    alive = (WorkerRow.id == worker_id, WorkerRow.state != "dead")
    renewed = update(WorkerRow).where(*alive).values(lease_until=now + round(lease * SECOND))
    if not (await connection.execute(renewed)).rowcount:
        raise WorkerDeadError(worker=worker_id)
    asked = (ThreadRow.worker_id == worker_id, ThreadRow.sched == "leased", RunRow.cancel.is_not(None))
    wanted = select(RunRow.id, RunRow.cancel).join(ThreadRow, ThreadRow.id == RunRow.thread_id)
    rows = await connection.execute(wanted.where(*asked, RunRow.status == RunStatus.RUNNING.value))
    return [CancelWanted(run_id=row.id, how=row.cancel) for row in rows]


async def drain(connection: AsyncConnection, worker_id: str) -> None:
    """Let others see that the worker takes no more work."""
    alive = (WorkerRow.id == worker_id, WorkerRow.state == "alive")
    await connection.execute(update(WorkerRow).where(*alive).values(state="draining"))


async def leave(connection: AsyncConnection, worker_id: str, now: int) -> Reaped:
    """Take a worker off the record, and what it still has away from it. One that was declared dead stays there."""
    gone = delete(WorkerRow).where(WorkerRow.id == worker_id, WorkerRow.state != "dead")
    await connection.execute(gone)
    return await give_back(connection, worker_id, now)


async def count_refused(connection: AsyncConnection, worker_id: str, count: int) -> None:
    """Add writes that were refused to the worker's record, also to that of a dead one."""
    counted = update(WorkerRow).where(WorkerRow.id == worker_id).values(refused=WorkerRow.refused + count)
    await connection.execute(counted)
