"""Several processes at the queue at the same time, each with connections and a writer of its own."""

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from stand_ins.queues import QueueUnderTest, queue_on
from trunkline.errors import QueueFullError
from trunkline.runtime.queue.lease import hold
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.queue.finishing import Ended

SUCCEEDED = Ended(status=RunStatus.SUCCEEDED)


async def test_a_key_that_comes_from_two_processes_at_once_is_one_run(
    here: QueueUnderTest, there: QueueUnderTest
) -> None:
    """Both get its id."""
    submissions = [(each, each.submission(f"{n}", key="k", run_id=f"{n}")) for n, each in enumerate([here, there] * 5)]
    ids = await asyncio.gather(*(each.queue.submit(wanted) for each, wanted in submissions))

    assert len({submitted.run_id for submitted in ids}) == len(await here.runs("status")) == 1


async def test_claims_at_once_share_the_work(here: QueueUnderTest, there: QueueUnderTest) -> None:
    """Each thread goes to one of them, and what one passes over the other takes."""
    await here.arrive("v")
    for thread in range(12):
        await here.submit(str(thread))
    first, second = await asyncio.gather(here.claim("w", 12), there.claim("v", 12))
    left = await here.claim("w", 12)

    assert Counter(one.run.id for one in [*first, *second, *left]) == dict.fromkeys(await here.runs("id"), 1)


async def test_a_cap_is_exact_under_claims_at_once(url: str, here: QueueUnderTest) -> None:
    """However many workers ask: three threads of the tenant are leased, and never four."""
    await here.allow("capped", max_running=3)
    for thread in range(20):
        await here.submit(str(thread), tenant="capped")
    async with AsyncExitStack() as stack:
        others = [await stack.enter_async_context(queue_on(url, here.clock)) for _ in range(4)]
        claimed = await asyncio.gather(*(each.claim("w", 2) for each in others for _ in range(2)))

    assert Counter((await here.threads("sched")).values()) == {"leased": 3, "ready": 17}
    assert sum(map(len, claimed)) == 3


async def test_a_full_tenant_does_not_hide_the_others(here: QueueUnderTest) -> None:
    """Its threads come first in the order and are passed over within the same claim."""
    await here.allow("capped", max_running=1)
    await here.allow("paused", paused=True)
    for tenant in ("paused", "capped"):
        for thread in range(8):
            await here.submit(str(thread), tenant=tenant, priority=5)
    for thread in range(3):
        await here.submit(str(thread))

    assert Counter(one.run.tenant for one in await here.claim(limit=4)) == {"capped": 1, "": 3}


async def test_a_full_queue_refuses_and_says_when_to_come_again(here: QueueUnderTest, there: QueueUnderTest) -> None:
    """The limit is exact, also for submissions at once from two processes."""
    await here.allow("full", max_queued=3)
    wanted = [(each, each.submission(str(n), tenant="full", run_id=f"{n}")) for n, each in enumerate([here, there] * 4)]
    outcomes = await asyncio.gather(*(each.queue.submit(one) for each, one in wanted), return_exceptions=True)

    refused = [outcome for outcome in outcomes if isinstance(outcome, QueueFullError)]
    assert (len(refused), len(await here.runs("id"))) == (5, 3)
    assert {error.retry_after > 0 for error in refused} == {True}


@pytest.mark.parametrize("seconds_a_run", [0.01, 60.0])
async def test_a_flood_makes_others_wait_for_few_of_its_runs(here: QueueUnderTest, seconds_a_run: float) -> None:
    """However long the queue has been served, and fast or slow: counted in runs of the one that floods."""
    for thread in range(150):
        await here.submit(f"{thread}", tenant="flood")
    waited = [await before_it_begins(here, seconds_a_run) for _ in range(3)]

    assert max(waited) <= 2


async def before_it_begins(here: QueueUnderTest, seconds_a_run: float) -> int:
    """Serve 20 runs, submit one of another tenant, and count how many of the flood are served before it."""
    for _ in range(20):
        await here.queue.finish(await here.claim_one(), SUCCEEDED)
        here.clock.move(seconds_a_run)
    wanted = await here.submit("x", tenant="calm")
    for count in range(100):
        lease = await here.claim_one()
        await here.queue.finish(lease, SUCCEEDED)
        here.clock.move(seconds_a_run)
        if lease.run_id == wanted:
            return count
    return 100


async def test_a_weight_is_a_share(here: QueueUnderTest) -> None:
    """Of tenants that both wait, one with three times the weight is served three times as often."""
    await here.allow("heavy", weight=3.0)
    for thread in range(40):
        for tenant in ("heavy", "light"):
            await here.submit(f"{thread}", tenant=tenant)
    served = Counter([(await here.claim("w", 1))[0].run.tenant for _ in range(24)])

    assert served == {"heavy": 18, "light": 6}


async def test_processes_that_cross_each_other_never_wait_for_each_other(url: str, here: QueueUnderTest) -> None:
    """Groups of writes to the same threads, in whatever order, and runs that submit to each other's threads."""
    await here.allow("", max_queued=10_000)
    async with AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(queue_on(url, here.clock)) for _ in range(3)]
        async with asyncio.timeout(60):
            with faults() as seen:
                await asyncio.gather(*(churn(each, number) for number, each in enumerate(processes)))
        while claimed := await here.claim():
            for one in claimed:
                await here.queue.finish(one.lease, SUCCEEDED)

    assert set((await here.runs("status")).values()) == {"succeeded"}
    assert len(await here.runs("id")) == 3 * 8 * 8
    assert "40P01" not in seen


async def churn(process: QueueUnderTest, number: int) -> None:
    """Submit to eight threads at once, in an order of this process's own, and serve what can be had meanwhile."""
    for turn in range(8):
        order = sorted(range(8), key=lambda thread: hash((number, turn, thread)))
        wanted = [process.submission(f"{thread}", run_id=f"{number}-{turn}-{thread}") for thread in order]
        work: list[Any] = [process.queue.submit(one) for one in wanted]
        await asyncio.gather(*work, serve(process))


async def serve(process: QueueUnderTest) -> None:
    """Claim and finish, each under its lease as a run does."""
    for one in await process.claim("w", 4):
        hold(one.lease)
        await process.queue.finish(one.lease, SUCCEEDED)


@contextmanager
def faults() -> Generator[list[str | None]]:
    """A list of the codes of what goes wrong on PostgreSQL; 40P01 is a deadlock."""
    seen: list[str | None] = []

    def failed(context: Any) -> None:
        seen.append(getattr(context.original_exception, "sqlstate", None))

    event.listen(Engine, "handle_error", failed)
    yield seen
    event.remove(Engine, "handle_error", failed)


@contextmanager
def statements() -> Generator[list[str]]:
    """A list of the statements that are sent, without BEGIN."""
    seen: list[str] = []

    def sent(connection: object, cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", sent)
    yield seen
    event.remove(Engine, "before_cursor_execute", sent)


async def test_few_statements_are_sent(here: QueueUnderTest, backend: str) -> None:
    """A claim takes as many for one thread as for ten; the first event is one of those that claim, the last one of
    those that finish. On PostgreSQL a run is queued by one statement.
    """
    with statements() as submitted:
        await here.submit("0")
    for thread in range(1, 10):
        await here.submit(str(thread))
    with statements() as claimed:
        leases = [one.lease for one in await here.claim()]
    with statements() as finished:
        await here.queue.finish(leases[0], SUCCEEDED)

    assert (len(submitted), len(claimed), len(finished)) == (1 if backend == "postgresql" else 5, 6, 5)
