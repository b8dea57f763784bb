"""Runs that have taken two workers down with them are served alone."""

import os

import pytest
from sqlalchemy import update

from trunkline import Trunkline
from trunkline.agents import Models
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.run_rows import Run
from trunkline.runtime.storage.tables import RunRow

GRAPHS = {"poison": "stand_ins.poison:graph"}
DEADLY = {
    "exit 7": "ended with exit code 7; the last that it wrote:\nabout to leave",
    "signal 9": "was killed by signal 9 (SIGKILL)",
    "segfault": "was killed by signal 11 (SIGSEGV); the last that it wrote:\nFatal Python error: Segmentation fault",
}


async def suspected(line: Trunkline, database: Database, deed: str) -> str:
    """Submit a run with which two workers have died before."""
    run_id = await line.submit("poison", deed, max_attempts=1)
    marked = update(RunRow).where(RunRow.id == run_id).values(crashes=2)
    await database.writer.write(lambda connection: connection.execute(marked))
    return run_id


async def served(url: str, database: Database, *deeds: str) -> list[Run]:
    """Let a worker serve suspected runs beside a harmless one; return how all ended, that one as the last."""
    async with Trunkline(url, models=Models({}), graphs=GRAPHS) as line:
        runs = [await suspected(line, database, deed) for deed in deeds]
        runs.append(await line.submit("poison", "sleep 0.1"))
        async with line.worker(concurrency=len(runs)):
            return [await line.wait(run, within=60) for run in runs]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_what_kills_its_process_is_dead_and_harms_no_other(url: str, database: Database) -> None:
    """The third crash is the last; the run tells what killed its process and what that said."""
    *deadly, neighbour = await served(url, database, *DEADLY)

    assert [(run.status, run.crashes) for run in deadly] == [(RunStatus.DEAD, 3)] * len(DEADLY)
    told = "given up after 3 crashes, the last: its own process "
    assert [str(run.error)[: len(told + cause)] for run, cause in zip(deadly, DEADLY.values(), strict=True)] == [
        told + cause for cause in DEADLY.values()
    ]
    assert neighbour.status is RunStatus.SUCCEEDED


async def test_a_suspected_run_that_does_no_harm_ends_as_any_other(url: str, database: Database) -> None:
    """It runs in another process. Too little memory there is an error of its own, and no crash."""
    harmless, greedy, neighbour = await served(url, database, "sleep 0", "memory")

    assert harmless.status is neighbour.status is RunStatus.SUCCEEDED
    assert harmless.answer != neighbour.answer == f"done in process {os.getpid()}"
    assert (greedy.status, greedy.crashes, greedy.error) == (RunStatus.FAILED, 2, "MemoryError: ")
