"""The processes of a contender, as the benchmark starts and ends them."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from peers.databases import Databases
from queues import job
from queues.contenders import Contender

_BENCHMARKS = Path(__file__).resolve().parents[1]
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A contender with a database and a log of its own."""

    contender: Contender
    url: str
    environment: dict[str, str]
    versions: Mapping[str, str] = field(default_factory=dict[str, str])

    def start(self, role: str, *, temporary: Path | None = None, **options: Any) -> subprocess.Popen[str]:
        """Start a process. With a temporary folder of its own it is as if on another machine."""
        elsewhere = {"TMPDIR": str(temporary)} if temporary else {}
        given = json.dumps({**self.contender.options, **options})
        return subprocess.Popen(
            [self.contender.python, "-m", "queues.child", self.contender.module, role, self.url, given],
            cwd=_BENCHMARKS,
            env={**self.environment, **elsewhere},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, role: str, **options: Any) -> Any:
        """Run a process to its end and return its answer."""
        with self.start(role, **options) as process:
            return _answer(process)

    @contextmanager
    def workers(self, count: int, **options: Any) -> Generator[list[subprocess.Popen[str]]]:
        """Load so many workers for the block, which lets them go; they are killed at its end."""
        with ExitStack() as stack:
            processes = [self.start("serve", **options) for _ in range(count)]
            for process in processes:
                stack.callback(end, process)
            for process in processes:
                _answer(process)
            yield processes

    @contextmanager
    def connected(self) -> Generator[psycopg.Connection]:
        """Connect to its database for the block."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            yield connection


@contextmanager
def site(contender: Contender, databases: Databases) -> Generator[Site]:
    """Set the contender up on a database of its own for the block."""
    with ExitStack() as stack:
        url = stack.enter_context(databases.postgres(force=True))
        log = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "log"
        log.touch()
        hidden = () if contender.ours else ("PYTHONPATH",)
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        os.environ[job.LOG] = str(log)
        bare = Site(contender=contender, url=url, environment={**environment, job.LOG: str(log)})
        versions = bare.ask("set_up")
        yield Site(contender=contender, url=url, environment=bare.environment, versions=versions)


def go(processes: list[subprocess.Popen[str]]) -> None:
    """Let workers begin that are loaded."""
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()


def end(process: subprocess.Popen[str]) -> None:
    """Kill a process."""
    process.kill()
    process.communicate()


def cpu_seconds(process: subprocess.Popen[str]) -> float:
    """Return the CPU time that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def until(reached: Any, *, within: float, what: str) -> float:
    """Look until it is so, and return the moment."""
    deadline = time.monotonic() + within
    while not reached():
        if time.monotonic() > deadline:
            problem = f"not within {within:g} s: {what}"
            raise RuntimeError(problem)
        time.sleep(0.01)
    return time.monotonic()


def _answer(process: subprocess.Popen[str]) -> Any:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        problem = f"the process {process.args!r} ended; its words are above"
        raise RuntimeError(problem)
    return json.loads(line)
