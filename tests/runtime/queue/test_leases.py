"""Leases: who has a thread, and how it is taken away and given back."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from stand_ins.queues import QueueUnderTest
from trunkline.errors import LeaseLostError, RunStateError, WorkerDeadError
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.queue.finishing import AttemptFailed, End, Ended, HandedBack, Interrupted
from trunkline.runtime.storage.queue.guarding import lost_leases
from trunkline.runtime.storage.run_rows import Run
from trunkline.runtime.storage.tables import RunRow

SUCCEEDED = Ended(status=RunStatus.SUCCEEDED)
ENDS = [SUCCEEDED, Interrupted(interrupts=b"?"), HandedBack(), AttemptFailed(error="no", delay=1.0)]


def turn(here: QueueUnderTest, thread: str = "t") -> Run:
    """A run that begins at once."""
    wanted = here.submission(thread)
    return Run(
        id=wanted.run_id,
        thread_id=wanted.thread_id,
        tenant="",
        graph="g",
        status=RunStatus.RUNNING,
        trace_id=wanted.run_id,
        asked=None,
        started_at=datetime.now(UTC),
    )


async def test_the_database_refuses_a_second_running_run_of_a_thread(here: QueueUnderTest) -> None:
    """Whoever inserts it: the rule does not hang on this code."""
    await here.submit()
    lease = await here.claim_one()
    row = {"id": "x", "thread_id": lease.thread_id, "tenant": "", "graph": "g", "status": "running", "fence": 9}

    with pytest.raises(IntegrityError):
        async with here.engine.begin() as connection:
            await connection.execute(insert(RunRow), [row | {"trace_id": "x", "started_at": datetime.now(UTC)}])


@pytest.mark.parametrize("end", ENDS, ids=lambda end: type(end).__name__)
async def test_a_finish_that_is_repeated_changes_nothing(here: QueueUnderTest, end: End) -> None:
    """Its acknowledgement may have been lost."""
    await here.submit()
    lease = await here.claim_one()
    await here.queue.finish(lease, end)
    before = (await here.runs("status", "attempt"), await here.threads("sched", "fence"))
    await here.queue.finish(lease, end)

    assert (await here.runs("status", "attempt"), await here.threads("sched", "fence")) == before
    assert (lease.released, lease.refused) == (True, 0)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: type(end).__name__)
@pytest.mark.parametrize("how", ["killed", "reaped"])
async def test_a_run_that_was_taken_away_cannot_be_finished(here: QueueUnderTest, end: End, how: str) -> None:
    """It is refused, and counted, and the run stays as whoever took it has left it."""
    run_id = await here.submit()
    lease = await here.claim_one()
    if how == "killed":
        await here.queue.kill(run_id)
    else:
        await here.queue.reap(known_dead=["w"])
    left = await here.runs("status", "fence", "attempt")

    with pytest.raises(LeaseLostError):
        await here.queue.finish(lease, end)
    assert (await here.runs("status", "fence", "attempt"), lease.refused, lease.released) == (left, 1, False)


async def test_a_worker_that_was_declared_dead_gets_nothing(here: QueueUnderTest) -> None:
    """Neither from the queue nor at once: nobody would ever take it away again."""
    await here.submit()
    await here.queue.reap(known_dead=["w"])

    with pytest.raises(WorkerDeadError):
        await here.claim()
    with pytest.raises(WorkerDeadError):
        await here.queue.begin(turn(here), "w")
    with pytest.raises(WorkerDeadError):
        await here.queue.renew("w", lease=30.0)
    assert await here.threads("sched") == {"/t": "ready"}


async def test_a_beginning_that_is_repeated_is_the_same(here: QueueUnderTest) -> None:
    """Its acknowledgement may have been lost, and nobody else could go on with it."""
    run = turn(here)
    first, second = await here.queue.begin(run, "w"), await here.queue.begin(run, "w")

    assert first is not None
    assert second is not None
    assert (first.lease.fence, first.lease.lease_id) == (second.lease.fence, second.lease.lease_id)
    assert await here.queue.begin(turn(here), "w") is None


async def test_what_a_worker_does_not_know_of_goes_back_to_the_queue(here: QueueUnderTest) -> None:
    """A claim whose answer was lost costs the runs neither an attempt nor a crash."""
    for thread in ("a", "b", "c"):
        await here.submit(thread)
    known, _, _ = await here.claim()
    await here.queue.give_back("w", keep=[known.lease.lease_id])

    others = {run_id: ("queued", 0, 0) for run_id in await here.runs("id") if run_id != known.run.id}
    assert await here.runs("status", "attempt", "crashes") == others | {known.run.id: ("running", 0, 0)}
    assert len(await here.claim()) == 2


async def test_a_worker_that_leaves_leaves_nothing_behind(here: QueueUnderTest) -> None:
    """What it could not finish goes back to the queue: it has no record any more by which it could be found dead."""
    await here.submit()
    await here.claim()
    await here.arrive("v")
    await here.queue.leave("w")

    assert [claimed.run.crashes for claimed in await here.claim("v")] == [0]


async def test_an_old_lease_beside_a_new_one_does_not_cost_the_new_one(here: QueueUnderTest) -> None:
    """A killed run and the thread's next one may write in the same transaction: each is judged for itself."""
    run_id = await here.submit()
    old = await here.claim_one()
    await here.queue.kill(run_id)
    await here.submit()
    new = await here.claim_one()

    for leases in ([old, new], [new, old]):
        async with here.engine.begin() as connection:
            assert await lost_leases(connection, leases) == {old}


@pytest.mark.parametrize("end", ENDS[1:], ids=lambda end: type(end).__name__)
async def test_a_run_that_somebody_has_cancelled_is_not_begun_again(here: QueueUnderTest, end: End) -> None:
    """Whatever else became of it before its worker heard."""
    run_id = await here.submit()
    lease = await here.claim_one()
    await here.queue.stop(run_id)
    await here.queue.finish(lease, end)

    assert await here.runs("status") == {run_id: "cancelled"}
    assert await here.threads("sched") == {"/t": "idle"}


@pytest.mark.parametrize("begins", ["queued", "running", "waiting", "succeeded"])
async def test_cancelling_twice_is_cancelling_once(here: QueueUnderTest, begins: str) -> None:
    """A run that waits is cancelled at once, one under way is asked to end, and one that is over stays."""
    run_id = await here.submit()
    if begins != "queued":
        lease = await here.claim_one()
        if begins != "running":
            await here.queue.finish(lease, SUCCEEDED if begins == "succeeded" else Interrupted(interrupts=b"?"))
    for _ in range(2):
        await here.queue.stop(run_id)

    became = {"running": ("running", "cancel"), "succeeded": ("succeeded", None)}
    assert await here.runs("status", "cancel") == {run_id: became.get(begins, ("cancelled", None))}


async def test_of_two_answers_one_wins(here: QueueUnderTest, there: QueueUnderTest) -> None:
    """They come from two processes at the same time."""
    run_id = await here.submit()
    lease = await here.claim_one()
    await here.queue.finish(lease, Interrupted(interrupts=b"?"))
    answers = (
        here.queue.answer(run_id, b"yes", fence=lease.fence),
        there.queue.answer(run_id, b"no", fence=lease.fence),
    )
    outcomes = await asyncio.gather(*answers, return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", RunStateError.__name__]
    (claimed,) = await here.claim()
    assert claimed.resume == (b"yes" if outcomes[0] is None else b"no")


async def test_an_expired_lease_that_nobody_acted_on_is_renewed(here: QueueUnderTest) -> None:
    """A worker that was only slow goes on."""
    await here.submit()
    await here.claim()
    here.clock.move(31.0)
    await here.queue.renew("w", lease=30.0)

    assert not (await here.queue.reap()).workers
    assert await here.threads("sched") == {"/t": "leased"}
