"""Runs whose workers die."""

from stand_ins.queues import QueueUnderTest
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.queue.presence import WorkerInfo


async def die(here: QueueUnderTest, name: str, *, alone: bool = False) -> None:
    """Let a worker claim what there is, and die of it."""
    info = WorkerInfo(id=name, host="here", pid=1, version="0", queues=["default"], slots=4, alone=alone)
    await here.queue.arrive(info, lease=30)
    await here.claim(name)
    await here.queue.reap(known_dead=[name], expired=False)


async def test_a_run_tells_which_worker_died_with_it(here: QueueUnderTest) -> None:
    """It is queued again; the third death is the last."""
    run = await here.submit()
    await die(here, "a")
    assert (await here.runs("status", "error"))[run] == ("queued", "worker a (process 1 on here) died with it")
    await die(here, "b")
    await die(here, "c")

    told = "given up after 3 crashes, the last: worker c (process 1 on here) died with it"
    assert (await here.runs("status", "crashes", "error"))[run] == (RunStatus.DEAD, 3, told)


async def test_a_run_in_a_process_of_its_own_is_not_to_blame_for_its_workers_death(
    here: QueueUnderTest,
) -> None:
    """Nor is it tried for ever: the tenth death is the last, wherever it ran."""
    run = await here.submit()
    for number in range(9):
        await die(here, f"w{number}", alone=True)
    assert (await here.runs("status", "crashes"))[run] == (RunStatus.QUEUED, 9)
    await die(here, "w9", alone=True)

    assert (await here.runs("status", "crashes"))[run] == (RunStatus.DEAD, 10)


async def test_a_dead_run_that_is_tried_again_is_still_suspected(here: QueueUnderTest) -> None:
    """Whoever claims it serves it alone from the start. One that is open cannot be tried again."""
    run = await here.submit()
    for name in "abc":
        await die(here, name)
    await here.queue.retry(run)

    assert (await here.runs("status", "crashes", "attempt", "ended_at"))[run] == ("queued", 2, 0, None)
    await here.arrive("d")
    (claimed,) = await here.claim("d")
    assert (claimed.run.id, claimed.run.crashes) == (run, 2)
