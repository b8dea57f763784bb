"""Trunkline: a LangGraph graph of one step, with its checkpoints; every write is checked against the lease."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from queues.graph import graph
from trunkline import Trunkline
from trunkline.runtime.storage.database import upgrade_database

PACKAGES = ("langgraph",)


async def set_up(url: str, options: Mapping[str, Any]) -> None:
    """Make the tables."""
    del options
    await upgrade_database(url)


async def serve(url: str, options: Mapping[str, Any]) -> None:
    """Serve the queue until killed."""
    async with Trunkline(url, graphs={"job": graph()}) as line, line.worker(concurrency=options["slots"]):
        gc.freeze()  # as `trunkline worker` does
        await asyncio.Event().wait()


@asynccontextmanager
async def submitter(url: str, options: Mapping[str, Any]) -> AsyncGenerator[Callable[[Sequence[str]], Awaitable[None]]]:
    """Give what submits jobs, each on a thread of its own."""
    del options
    async with Trunkline(url, graphs={"job": graph()}) as line:

        async def submit(names: Sequence[str]) -> None:
            for name in names:
                await line.submit("job", {"name": name})

        yield submit


async def wait(url: str, options: Mapping[str, Any]) -> dict[str, float]:
    """Wait for many runs at once in a process that is a worker too; return its memory and its share of a CPU.

    The runs are put off for an hour, so that only the waiting is measured.
    """
    seconds: float = options["seconds"]
    async with Trunkline(url, graphs={"job": graph()}) as line, line.worker():
        bare = _megabytes()
        runs = [await line.submit("job", {"name": "later"}, delay=3600) for _ in range(options["runs"])]
        queued = await _share_of_cpu(seconds)
        async with asyncio.TaskGroup() as group:
            waits = [group.create_task(line.wait(run)) for run in runs]
            await asyncio.sleep(seconds)
            waited = await _share_of_cpu(seconds)
            memory = _megabytes()
            for each in waits:
                each.cancel()
    return {"bare": bare, "memory": memory, "queued": queued, "waited": waited}


async def _share_of_cpu(seconds: float) -> float:
    began, spent = time.monotonic(), time.process_time()
    await asyncio.sleep(seconds)
    return (time.process_time() - spent) / (time.monotonic() - began)


def _megabytes() -> float:
    """Return the memory of this process that is resident."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
