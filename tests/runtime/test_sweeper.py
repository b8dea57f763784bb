"""The sweeper, in time that a test moves."""

import logging

import pytest

from trunkline import ManualClock
from trunkline.runtime.storage.sweeper import Sweeper


async def test_it_sweeps_again_and_again_although_a_sweep_fails(caplog: pytest.LogCaptureFixture) -> None:
    """The failure is in the log; after its end it sweeps no more."""
    clock, sweeps = ManualClock(), list[float]()

    async def sweep() -> int:
        sweeps.append(clock.monotonic())
        if len(sweeps) == 1:
            raise OSError("the database is away")
        return 0

    with caplog.at_level(logging.ERROR):
        async with Sweeper(sweep, clock=clock, every=10):
            await clock.advance(35)
        await clock.advance(35)

    assert sweeps == [10, 20, 30]
    assert [record.message for record in caplog.records] == ["sweeper.sweep_failed"]
