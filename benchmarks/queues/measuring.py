"""What is measured of a contender: how soon jobs start, how fast a full queue is drained, how soon a job comes back."""

from __future__ import annotations

import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from queues import job
from queues.contenders import LEASE
from queues.processes import Site, cpu_seconds, end, go, until

_COMMITS = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """What a full queue took."""

    a_second: float
    cpu_ms: float
    """Of all workers, for one run."""

    commits: float
    """Transactions for one run."""


def start_times(here: Site, jobs: int) -> list[float]:
    """Return the milliseconds from the submission of a job to its start, of jobs that find the queue idle."""
    with here.workers(1) as workers:
        go(workers)
        here.ask("pace", jobs=3)  # to warm up
        Path(here.environment[job.LOG]).write_text("")
        return [1000 * seconds for seconds in here.ask("pace", jobs=jobs)]


def drained(here: Site, jobs: int, workers: int) -> Drained:
    """Return how fast so many workers drain a queue: from the first start until all jobs are on record as finished."""
    here.ask("fill", jobs=jobs)
    with here.connected() as connection, here.workers(workers) as processes:
        connection.execute("ANALYZE")
        connection.execute("SELECT pg_stat_reset()")
        cpu, looks = sum(map(cpu_seconds, processes)), 0

        def all_finished() -> bool:
            nonlocal looks
            looks += 1
            return _number(connection, here.contender.finished) >= jobs

        go(processes)
        over = until(all_finished, within=300, what=f"{jobs} jobs finished")
        spent, began = sum(map(cpu_seconds, processes)) - cpu, min(begun.at for begun in job.log())
        time.sleep(1.5)  # workers tell the statistics of their transactions once a second
        commits = _number(connection, _COMMITS) - looks
    return Drained(a_second=jobs / (over - began), cpu_ms=1000 * spent / jobs, commits=commits / jobs)


def recovered(here: Site, *, restart: bool = False, elsewhere: bool = False) -> float:
    """Return the seconds from the `kill -9` of the worker that runs a job until the job is begun again.

    By another worker, which has been there for longer than a lease, or with `restart` by the worker started again.
    With `elsewhere` the two know nothing of each other but what the database says.
    """
    with tempfile.TemporaryDirectory() as folder:
        first = here.start("serve", temporary=Path(folder) if elsewhere else None)
        try:
            _let_go(first)
            here.ask("fill", name=job.HOLD)
            until(lambda: len(job.log()) == 1, within=60, what="the job began")
            with here.workers(0 if restart else 1) as others:
                go(others)
                time.sleep(LEASE + 3 if elsewhere else 3)
                first.kill()
                killed = time.monotonic()
                return _begun_again(here, restart=restart) - killed
        finally:
            end(first)


def _begun_again(here: Site, *, restart: bool) -> float:
    with here.workers(1 if restart else 0) as again:
        go(again)
        until(lambda: len(job.log()) == 2, within=150, what="the job was begun again")
        return job.log()[1].at


def _let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdout
    process.stdout.readline()
    go([process])


def _number(connection: psycopg.Connection, statement: str) -> int:
    row = connection.execute(statement.encode()).fetchone()
    return int(row[0]) if row else 0
