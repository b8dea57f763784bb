"""When a process has more to do than it can."""

import asyncio
import time

from trunkline.runtime.workers.strain import Strain


async def test_a_loop_that_is_blocked_again_and_again_is_strained() -> None:
    """Once is an accident. The measure is the 99th percentile of the last five seconds."""
    strain = Strain(lambda: False)
    looking = asyncio.create_task(strain.run())
    seen: list[bool] = []
    for _ in range(3):
        await asyncio.sleep(0)
        time.sleep(0.4)  # noqa: ASYNC251 - what blocks the loop
        await asyncio.sleep(0.06)
        seen.append(strain.is_great)
    looking.cancel()

    assert seen[-1]
    assert strain.lag > 0.25


def test_who_has_to_wait_for_connections_is_strained() -> None:
    """However fast the loop is."""
    assert Strain(lambda: True).is_great
    assert not Strain(lambda: False).is_great
