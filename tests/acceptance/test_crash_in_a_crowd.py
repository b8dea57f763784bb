"""`kill -9` at random moments, and in the middle of more calls than may run at once."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from stand_ins.killed_desk import World
from stand_ins.random_kills import trial
from stand_ins.thirty_calls import CALLS, FINISHED, LIMIT, killed_after_21


async def test_a_kill_at_any_moment_breaks_no_promise(url: str, tmp_path: Path) -> None:
    """Also when the process that goes on is killed again."""
    dice, kills = Random(7), 0
    while kills < 15:
        done = await trial(url, tmp_path, f"kill-{kills}", dice)
        kills += len(done.moments)

        assert (done.moments, done.broken) == (done.moments, [])


@pytest.mark.parametrize(
    "kinds", [["read"], ["write"], ["write_once"], ["read", "write", "write_once"]], ids=lambda kinds: "+".join(kinds)
)
async def test_of_30_calls_killed_after_21_at_most_3_run_again(url: str, tmp_path: Path, kinds: Sequence[str]) -> None:
    """What was in flight is run again if it may be and else shown as unknown; nothing happens twice."""
    figure = await killed_after_21(url, World(tmp_path / "world.txt"), kinds)

    repeatable = [deed for deed in figure.in_flight if not deed.startswith("write_once")]
    assert (figure.recorded, len(figure.in_flight)) == (FINISHED, LIMIT)
    assert (sorted(figure.again), figure.twice) == (sorted(repeatable), [])
    assert (figure.answered, figure.unknown) == (CALLS, LIMIT - len(repeatable))
