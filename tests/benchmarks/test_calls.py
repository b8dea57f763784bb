"""The benchmark of calls: every contender serves the same turn, whatever it takes."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from calls import CASES
from peers.contenders import BARE, BULK, ELSEWHERE, EXECUTOR_SQLITE, HERE, LANGCHAIN_SQLITE, TRUNKLINE_SQLITE, Opener
from peers.databases import Databases
from peers.elsewhere import PYTHON, turn_elsewhere
from peers.report import aims, table
from peers.turn import Case, Taken

TINY = [Case(calls=3, seconds=0.0), Case(calls=3, seconds=0.0, blocking=True)]


@pytest.mark.parametrize("case", TINY, ids=lambda case: case.title)
@pytest.mark.parametrize("opener", HERE.values(), ids=HERE.keys())
async def test_a_contender_hears_the_results_of_all_calls(
    opener: Opener, case: Case, tmp_path: Path, postgres: str
) -> None:
    """What is timed is the same work for all: as many results as calls, within the turn."""
    async with AsyncExitStack() as stack:
        turn = await opener(stack, case, Databases(folder=tmp_path, server=postgres))
        taken = await turn()

    assert taken.answered == 3
    assert 0 < taken.calls <= taken.turn


@pytest.mark.skipif(not PYTHON.exists(), reason="'make bench-calls' prepares the environment of these peers")
@pytest.mark.parametrize("module", ELSEWHERE.values())
async def test_a_contender_elsewhere_serves_turn_after_turn(module: str) -> None:
    """A child process serves any number of turns, and tells its packages' versions."""
    versions: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        turn = await turn_elsewhere(stack, TINY[0], module, versions)
        answered = [(await turn()).answered for _ in range(2)]

    assert answered == [3, 3]
    assert all(versions.values())


def test_a_missed_aim_is_told_as_plainly_as_one_that_is_reached() -> None:
    """Ten times as fast as LangGraph, and four times as slow as one bulk insert; the executor alone, twice as slow."""
    seconds = {BARE: 0.01, BULK: 0.1, LANGCHAIN_SQLITE: 4.0, TRUNKLINE_SQLITE: 0.4, EXECUTOR_SQLITE: 0.2}
    results = {name: [Taken(calls=took, turn=took, answered=1000)] for name, took in seconds.items()}

    told = [line.split()[0] for line in aims("1000-instant", results)]
    assert told == ["reached", "missed", "reached", "missed", "reached", "reached"]
    assert "Trunkline, SQLite" in table(CASES["1000-instant"], results)
