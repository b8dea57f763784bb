"""Work that is not torn."""

import asyncio

import pytest

from trunkline.tools.shielding import to_its_end


async def test_the_result_is_handed_on() -> None:
    """Without a cancellation nothing is different."""

    async def work() -> int:
        return 7

    assert await to_its_end(work(), name="work") == 7


async def test_an_error_is_handed_on() -> None:
    """It is the work's own error."""

    async def work() -> int:
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        await to_its_end(work(), name="work")


@pytest.mark.parametrize("cancellations", [1, 2, 3])
async def test_a_cancellation_comes_after_the_work_is_done(cancellations: int) -> None:
    """However often it is asked for."""
    release, done = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await release.wait()
        done.set()

    waiting = asyncio.create_task(to_its_end(work(), name="work"))
    await asyncio.sleep(0)
    for _ in range(cancellations):
        waiting.cancel()
        await asyncio.sleep(0)
        assert not waiting.done()
    release.set()
    await asyncio.wait([waiting])

    assert (waiting.cancelled(), done.is_set()) == (True, True)
