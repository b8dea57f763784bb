"""Real processes that are killed with SIGKILL, forked from one that has all imports done, so that each starts fast."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Coroutine, Generator
from contextlib import ExitStack, contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

from stand_ins.databases import execute

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(
    [
        "trunkline.runtime.line",
        "trunkline.runtime.storage.checkpoints.saver",
        "langgraph.checkpoint.postgres.aio",
        "sqlalchemy.dialects.sqlite.aiosqlite",
        "sqlalchemy.dialects.postgresql.psycopg",
    ]
)
_DEADLINE = 60.0

Main = Callable[..., Coroutine[Any, Any, object]]


def die() -> None:
    """Kill this process here and now: nothing more is run, flushed or closed."""
    os.kill(os.getpid(), signal.SIGKILL)


def run_until_it_dies(main: Main, *arguments: object) -> None:
    """Run the function in a process that kills itself on the way."""
    with _started(main, *arguments) as process:
        process.join(_DEADLINE)
        assert process.exitcode == -signal.SIGKILL, f"the process was to kill itself and ended with {process.exitcode}"


def dies(main: Main, *arguments: object) -> bool:
    """Run the function in a process that may kill itself on the way, and return whether it has."""
    with _started(main, *arguments) as process:
        process.join(_DEADLINE)
        assert process.exitcode in {0, -signal.SIGKILL}, f"the process failed with {process.exitcode}"
        return process.exitcode != 0


def run_and_kill(main: Main, *arguments: object, after: float) -> None:
    """Run the function in a process and kill that; `after` counts from where it calls its last argument, in seconds."""
    ready = _PROCESSES.Event()
    with _started(main, *arguments, ready.set) as process:
        assert ready.wait(_DEADLINE), "the process did not begin"
        process.join(after)
        process.kill()
        process.join(_DEADLINE)
        assert process.exitcode in {0, -signal.SIGKILL}, f"the process failed with {process.exitcode}"


def run_together(main: Main, *arguments: tuple[object, ...], seconds: float) -> None:
    """Run the function in as many processes as there are arguments, until all have come to their good ends.

    `seconds` is how long they run by themselves.
    """
    with ExitStack() as stack:
        running = [stack.enter_context(_started(main, *each)) for each in arguments]
        for process in running:
            process.join(seconds + _DEADLINE)
        assert [process.exitcode for process in running] == [0] * len(running)


@contextmanager
def kept_running(main: Main, *arguments: object) -> Generator[None]:
    """Run the function in a process beside the block: from where it calls its last argument, until it is killed."""
    ready = _PROCESSES.Event()
    with _started(main, *arguments, ready.set):
        assert ready.wait(_DEADLINE), "the process did not begin"
        yield


@contextmanager
def _started(main: Main, *arguments: object) -> Generator[BaseProcess]:
    process = _PROCESSES.Process(target=_run, args=(main, *arguments))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()
        process.close()


def bury(url: str) -> None:
    """Return when a PostgreSQL server has let go of what killed processes had begun. SQLite's locks die with them."""
    if url.startswith("postgresql"):
        others = "datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        execute(url, f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {others}")


def _run(main: Main, *arguments: object) -> None:
    asyncio.run(main(*arguments))
