"""Worker processes that a command starts, and may kill, freeze and start again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from trunkline.errors import WorkerNotStartedError

_READY = b" serves "
_START_WITHIN = 60.0
_DRAIN_WITHIN = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What a worker process is started with."""

    options: Sequence[str]
    """Those of `trunkline worker`."""

    environment: Mapping[str, str] = field(default_factory=dict[str, str])


class WorkerProcess:
    """One `trunkline worker`, and those that take its place."""

    def __init__(self, name: str, post: Post, *, folder: Path) -> None:
        """What it says on stderr goes to a file in the folder."""
        self.name, self.log = name, folder / f"{name}.log"
        self._post = post
        self._process: asyncio.subprocess.Process | None = None
        self.at_work = True
        """Whether nobody does anything to it at present."""

        self._said = 0

    @property
    def alive(self) -> bool:
        """Whether its process has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the process, and return when it serves. Raises `WorkerNotStartedError`."""
        with self.log.open("ab") as log:
            self._said = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "trunkline", "worker", *self._post.options),
                env={**os.environ, **self._post.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the command: it stops its workers itself
            )
        try:
            async with asyncio.timeout(_START_WITHIN):
                while _READY not in self._output():
                    if not self.alive:
                        raise self._not_started(f"ended with {self._process.returncode}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            await self.kill()
            raise self._not_started(f"did not serve within {_START_WITHIN:g} s") from None

    def send(self, number: signal.Signals) -> None:
        """Send the process a signal, if it lives."""
        if self._process is not None and self.alive:
            self._process.send_signal(number)

    async def kill(self) -> None:
        """Kill the process as `kill -9` does."""
        self.send(signal.SIGKILL)
        await self._over()

    async def drain(self) -> None:
        """Let the process hand back what it serves, and end. One that takes too long is killed."""
        self.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(_DRAIN_WITHIN):
                await self._over()
        except TimeoutError:
            await self.kill()

    async def _over(self) -> None:
        if self._process is not None:
            await self._process.wait()

    def _output(self) -> bytes:
        return self.log.read_bytes()[self._said :]

    def _not_started(self, problem: str) -> WorkerNotStartedError:
        lines = self._output().decode(errors="replace").splitlines()
        return WorkerNotStartedError(worker=self.name, problem=problem, said=lines[-1] if lines else "nothing")


@asynccontextmanager
async def fleet(posts: Sequence[Post], *, folder: Path) -> AsyncGenerator[list[WorkerProcess]]:
    """Start a worker process for each post, and drain them at the end of the block."""
    workers = [WorkerProcess(f"worker-{number}", post, folder=folder) for number, post in enumerate(posts, 1)]
    try:
        await _start(workers)
        yield workers
    finally:
        for worker in workers:
            worker.send(signal.SIGCONT)
        await asyncio.gather(*(worker.drain() for worker in workers))


async def _start(workers: Sequence[WorkerProcess]) -> None:
    """Start them side by side. Raises the first failure when all have come so far or failed."""
    started = await asyncio.gather(*(worker.start() for worker in workers), return_exceptions=True)
    for failure in started:
        if isinstance(failure, BaseException):
            raise failure
