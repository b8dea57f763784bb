"""Runs on record, without anybody who really runs them."""

from datetime import UTC, datetime
from uuid import uuid4

from trunkline.runtime.queue.lease import Lease
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.queue.submission import Submission
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.payloads import Payloads
from trunkline.runtime.storage.queue.presence import WorkerInfo
from trunkline.runtime.storage.run_rows import Run


async def begun(database: Database, thread: str, *, run_id: str = "r-begun", graph: str = "shop") -> Lease:
    """A run that a worker has begun, and goes on with for an hour."""
    worker = WorkerInfo(id=f"w-{run_id}", host="here", pid=1, version="1", queues=(), slots=0)
    await database.queue.arrive(worker, lease=3600)
    run = Run(
        id=run_id,
        thread_id=thread,
        tenant="",
        graph=graph,
        status=RunStatus.RUNNING,
        trace_id=str(uuid4()),
        asked=None,
        started_at=datetime.now(UTC),
    )
    claimed = await database.queue.begin(run, worker.id)
    assert claimed, "the thread is free"
    return claimed.lease


async def queued(
    database: Database, thread: str, given: object, *, run_id: str = "r-queued", key: str | None = None
) -> str:
    """Submit a run that no worker has begun yet, and return the id of the run that its key belongs to."""
    wanted = Submission(
        run_id=run_id,
        thread_id=thread,
        tenant="",
        graph="shop",
        reference="shop",
        given=Payloads(database.saver.serde).dumps(given),
        asked=str(given),
        trace_id=str(uuid4()),
        key=key,
    )
    return (await database.queue.submit(wanted)).run_id
