"""Submitting within a transaction of the caller's own."""

import asyncio

import pytest

from stand_ins.queues import QueueUnderTest
from trunkline.errors import KeyTakenError


async def test_a_run_is_there_when_the_caller_commits(here: QueueUnderTest) -> None:
    """And not before: nobody else sees it."""
    async with here.engine.begin() as connection:
        await here.queue.submit(here.submission(), connection=connection)
        async with here.engine.connect() as other:
            assert not (await other.exec_driver_sql("SELECT id FROM runs")).all()

    assert len(await here.claim()) == 1


async def test_a_run_is_gone_when_the_caller_rolls_back(here: QueueUnderTest) -> None:
    """With its thread and its key."""
    async with here.engine.connect() as connection:
        await here.queue.submit(here.submission(key="k"), connection=connection)
        await connection.rollback()

    assert (await here.runs("id"), await here.threads("id")) == ({}, {})
    await here.submit(key="k")
    assert len(await here.claim()) == 1


async def test_keys_count_within_it(here: QueueUnderTest) -> None:
    """What was submitted before is found, and the caller's own first submission too."""
    first = await here.submit(key="k")
    async with here.engine.begin() as connection:
        again = await here.queue.submit(here.submission(key="k"), connection=connection)
        own = [await here.queue.submit(here.submission("u", key="own"), connection=connection) for _ in range(2)]
        with pytest.raises(KeyTakenError):
            await here.queue.submit(here.submission(key="k", given=b"else"), connection=connection)

    assert (again.run_id, len({submitted.run_id for submitted in own})) == (first, 1)


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_a_long_transaction_holds_up_no_other_thread(here: QueueUnderTest, there: QueueUnderTest) -> None:
    """Submissions to other threads of the tenant, claims and finishes go on meanwhile."""
    async with asyncio.timeout(30), here.engine.begin() as connection:
        await here.queue.submit(here.submission("mine"), connection=connection)
        await there.submit("other", run_id="other")

        assert [one.run.id for one in await there.claim()] == ["other"]
