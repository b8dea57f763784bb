"""`trunkline worker` as a real process."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

TESTS = Path(__file__).parents[1]
_DEADLINE = 60.0


class WorkerProcess:
    """A worker, and what it has written to stderr."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.said: list[str] = []

    async def says(self, text: str) -> None:
        """Return when it has written a line with this text since the last time it was asked."""
        assert self.process.stderr
        async with asyncio.timeout(_DEADLINE):
            async for line in self.process.stderr:
                self.said.append(line.decode())
                if text in self.said[-1]:
                    return
        raise AssertionError(f"the worker ended and did not say {text!r}: {''.join(self.said)}")

    async def ends(self) -> int:
        """Return its exit code."""
        assert self.process.stderr
        async with asyncio.timeout(_DEADLINE):
            self.said.append((await self.process.stderr.read()).decode())
            return await self.process.wait()


@asynccontextmanager
async def worker_process(url: str, *options: str) -> AsyncGenerator[WorkerProcess]:
    """Start a worker that knows the graph `steps`; what is left of it at the end is killed."""
    command = [sys.executable, "-m", "trunkline", "worker", "--database", url, "--graph", "steps=stand_ins.steps:graph"]
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}:{os.environ.get('PYTHONPATH', '')}"}
    process = await asyncio.create_subprocess_exec(*command, *options, stderr=PIPE, env=environment)
    try:
        yield WorkerProcess(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
