"""A run is queued by one statement of PostgreSQL's where nothing stands in its way: with the same end as by many."""

from dataclasses import replace
from typing import Any

import pytest

from stand_ins.queues import QueueUnderTest
from trunkline.errors import ForeignThreadError, QueueFullError
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.queue.finishing import Ended

pytestmark = pytest.mark.parametrize("backend", ["postgresql"])
OF_RUN = ("status", "seq", "priority", "vtime", "not_before", "started_at", "queued_at", "given", "max_attempts")
OF_THREAD = ("sched", "rank", "vtime", "ready_at", "next_seq", "created_at", "tenant")


async def by_one(here: QueueUnderTest, thread: str, **given: Any) -> str:
    """Submit a run as anybody does."""
    return await here.submit(thread, **given)


async def by_many(here: QueueUnderTest, thread: str, **given: Any) -> str:
    """Submit a run in a transaction of one's own, which takes several statements."""
    async with here.engine.begin() as connection:
        return (await here.queue.submit(here.submission(thread, **given), connection=connection)).run_id


async def left(here: QueueUnderTest, submit: Any, queue: str, **given: Any) -> Any:
    """What is there after three runs of two threads, of which the first has done something before."""
    await submit(here, queue, queue=queue, **given)
    for claimed in await here.queue.claim("w", [queue], limit=1):
        await here.queue.finish(claimed.lease, Ended(status=RunStatus.SUCCEEDED))
    here.clock.move(1)
    runs = [await submit(here, thread, queue=queue, **given) for thread in (queue, f"{queue}-new", queue)]
    here.clock.move(-1)
    of_runs, of_threads = await here.runs(*OF_RUN), await here.threads(*OF_THREAD)
    return [of_runs[run] for run in runs], [of_threads[name] for name in of_threads if queue in name]


@pytest.mark.parametrize("given", [{}, {"priority": 3}, {"delay": 5.0}, {"tenant": "acme", "max_attempts": 7}])
async def test_one_statement_does_what_many_do(here: QueueUnderTest, given: dict[str, Any]) -> None:
    """Rows of runs and threads are the same: numbers, places in the fair order, times by the database's clock."""
    if tenant := given.get("tenant"):
        await here.allow(tenant, weight=4.0)

    assert await left(here, by_one, "one", **given) == await left(here, by_many, "many", **given)


async def test_what_stands_in_its_way_is_told_as_ever(here: QueueUnderTest) -> None:
    """Another tenant's thread is refused, and so is a run more than the tenant may have queued."""
    await here.allow("acme", max_queued=1)
    wanted = here.submission("t", tenant="acme")
    await here.queue.submit(wanted)

    with pytest.raises(QueueFullError):
        await here.submit("other", tenant="acme")
    with pytest.raises(ForeignThreadError):
        await here.queue.submit(replace(wanted, tenant="", run_id="r-foreign"))


async def test_a_submission_that_is_sent_again_is_the_same_run(here: QueueUnderTest) -> None:
    """As after an answer that was lost: the id is its own."""
    wanted = here.submission("t")
    first = await here.queue.submit(wanted)
    again = await here.queue.submit(wanted)

    assert (first.run_id, again.run_id) == (wanted.run_id, wanted.run_id)
    assert list(await here.runs("status")) == [wanted.run_id]
