"""`trunkline worker` as operators know it: real processes, real signals."""

import asyncio
import signal
from pathlib import Path

import pytest

from stand_ins.worker_processes import WorkerProcess, worker_process
from trunkline import Trunkline
from trunkline.agents import Models
from trunkline.runtime.queue.status import RunStatus

GRAPHS = {"steps": "stand_ins.steps:graph"}


async def submitted(line: Trunkline, folder: Path, runs: int) -> list[str]:
    """Leave runs to the workers, each on a thread of its own."""
    return [await line.submit("steps", str(folder)) for _ in range(runs)]


async def at_work(worker: WorkerProcess, runs: int) -> None:
    """Return when the worker has begun so many runs."""
    for _ in range(runs):
        await worker.says("run.begun")


async def standing(line: Trunkline, runs: list[str]) -> set[tuple[RunStatus, int, int]]:
    """How the runs stand: their status, the attempts that failed, and the crashes."""
    found = [await line.found(run) for run in runs]
    return {(run.status, run.attempt, run.crashes) for run in found}


@pytest.fixture
def line(url: str) -> Trunkline:
    """A line that submits runs of the graph `steps`."""
    return Trunkline(url, models=Models({}), graphs=GRAPHS)


async def test_a_worker_that_is_told_to_stop_hands_its_runs_back(url: str, line: Trunkline, tmp_path: Path) -> None:
    """SIGTERM: at the end of their steps, without an attempt spent; another worker goes on where they were."""
    async with line:
        runs = await submitted(line, tmp_path, 4)
        async with worker_process(url, "--concurrency", "4") as worker:
            await at_work(worker, 4)
            worker.process.send_signal(signal.SIGTERM)
            await worker.says("worker.draining")
            (tmp_path / "go").touch()
            code = await worker.ends()

        assert (code, await standing(line, runs)) == (0, {(RunStatus.QUEUED, 0, 0)})
        (tmp_path / "end").touch()
        async with line.worker(concurrency=4):
            ended = [await line.wait(run, within=30) for run in runs]
        assert {(run.status, run.answer) for run in ended} == {(RunStatus.SUCCEEDED, "second")}
        assert (tmp_path / "begun").read_text().count("begun") == 4


@pytest.mark.parametrize(
    ("grace", "signals", "code"), [("0.1", [signal.SIGINT], 0), ("60", [signal.SIGTERM, signal.SIGINT], 130)]
)
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_what_does_not_end_in_time_is_cancelled_and_handed_back(
    url: str, line: Trunkline, tmp_path: Path, grace: str, signals: list[signal.Signals], code: int
) -> None:
    """After the grace, or at once on a second signal, whose number the exit code tells."""
    async with line:
        runs = await submitted(line, tmp_path, 2)
        async with worker_process(url, "--drain-grace", grace) as worker:
            await at_work(worker, 2)
            for number in signals:
                worker.process.send_signal(number)
                await worker.says(number.name)

            assert await worker.ends() == code
        assert await standing(line, runs) == {(RunStatus.QUEUED, 0, 0)}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_sqlite_file_has_one_worker_and_one_that_was_killed_counts_no_more(
    url: str, line: Trunkline, tmp_path: Path
) -> None:
    """A second one is told the way out. After `kill -9` the next one goes on at once, without waiting for a lease."""
    async with line:
        (run,) = await submitted(line, tmp_path, 1)
        async with worker_process(url) as first:
            await at_work(first, 1)
            async with worker_process(url) as second:
                assert await second.ends() == 3
            first.process.kill()
            await first.ends()
        (tmp_path / "go").touch()
        (tmp_path / "end").touch()
        async with line.worker(), asyncio.timeout(10):  # a lease is 30 s
            ended = await line.wait(run)

    assert "use PostgreSQL" in "".join(second.said)
    assert (ended.status, ended.attempt, ended.crashes) == (RunStatus.SUCCEEDED, 0, 1)
