"""Runs a scenario many times, each time with other latencies, and tells whether it always ended alike."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from trunkline.errors import ScenarioError
from trunkline.runtime.references import look_up
from trunkline.runtime.scenarios.play import Play
from trunkline.runtime.scenarios.result import ScenarioResult
from trunkline.runtime.scenarios.scenario import Scenario, read_scenario
from trunkline.runtime.scenarios.sighting import Played
from trunkline.runtime.scenarios.stage import SetStage
from trunkline.runtime.scenarios.virtual_time import VirtualClock, in_virtual_time
from trunkline.runtime.scenarios.worker import Worker
from trunkline.runtime.storage.database import upgrade_database

RUNS = 50
_TEMPLATE = "template.db"
_IN_MEMORY = Path("/dev/shm")  # where Linux keeps files in memory


def run_scenario(path: str | Path, *, runs: int = RUNS, seed: int = 1) -> ScenarioResult:
    """Play the scenario in this file so many times, with the seeds from `seed` on, in virtual time.

    Runs event loops of its own, so call it where none is running. Raises `ScenarioFileError` for a file that cannot be
    used, and `ReferenceNotFoundError` for a project that is not there.
    """
    scenario = read_scenario(path)
    set_stage = _project(scenario)
    with _own_randomness(), tempfile.TemporaryDirectory(prefix="trunkline-scenario-", dir=_folder()) as name:
        folder = Path(name)
        asyncio.run(upgrade_database(f"sqlite:///{folder / _TEMPLATE}"))
        played = [in_virtual_time(_play(scenario, number, set_stage, folder)) for number in range(seed, seed + runs)]
    return ScenarioResult(name=scenario.scenario, path=Path(path), runs=played)


async def _play(scenario: Scenario, seed: int, set_stage: SetStage, folder: Path) -> Played:
    clock = VirtualClock(scenario.clock)
    with tempfile.TemporaryDirectory(dir=folder) as own:
        async with Worker(template=folder / _TEMPLATE, folder=Path(own), clock=clock) as worker:
            return await Play(scenario, seed=seed, worker=worker, set_stage=set_stage, clock=clock).run()


def _project(scenario: Scenario) -> SetStage:
    found = look_up(scenario.project, wanted="a function that sets a stage")
    if not callable(found):
        problem = f"project {scenario.project!r} is {type(found).__name__}; name a function that sets a stage"
        raise ScenarioError(problem)
    return cast("SetStage", found)


@contextmanager
def _own_randomness() -> Generator[None]:
    """Leave the program's random numbers as they are: each run seeds them for the engine's pauses."""
    before = random.getstate()
    try:
        yield
    finally:
        random.setstate(before)


def _folder() -> Path | None:
    """Return where files need no disk, if there is such a place: nobody needs them after the run."""
    return _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None
