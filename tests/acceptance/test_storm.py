"""Storms over worker processes: whatever strikes them, all runs finish, and no effect happens twice."""

from pathlib import Path

import pytest

from stand_ins.storm_of_runs import storm_of_runs
from trunkline.runtime.queue.status import RunStatus

RUNS = 60
"""With `make chaos-queue` as many as one likes."""


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_a_storm_over_four_workers_loses_nothing_and_does_nothing_twice(url: str, tmp_path: Path) -> None:
    """They are killed, frozen for longer than their lease, and drained: each run has 6 steps with effects."""
    aftermath = await storm_of_runs(url, tmp_path, runs=RUNS, workers=4, strikes=["kill", "freeze", "drain"])

    assert (aftermath.runs, aftermath.broken) == ({RunStatus.SUCCEEDED: RUNS}, []), str(aftermath)
    assert set(aftermath.struck) == {"kill", "freeze", "drain"}


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_the_one_worker_of_an_embedded_database_may_be_killed_again_and_again(url: str, tmp_path: Path) -> None:
    """Its successor goes on at once: all runs finish, and no effect happens twice."""
    aftermath = await storm_of_runs(url, tmp_path, runs=RUNS, workers=1, strikes=["kill"])

    assert (aftermath.runs, aftermath.broken) == ({RunStatus.SUCCEEDED: RUNS}, []), str(aftermath)
