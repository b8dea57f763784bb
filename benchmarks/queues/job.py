"""The job that every contender serves: it notes in a file that it has begun. Needs only the standard library."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

LOG = "BENCH_QUEUE_LOG"
"""Names the file."""

HOLD = "hold"
"""The job of this name never ends by itself, until it is begun a second time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A job that has begun, in one process."""

    name: str
    at: float
    """Seconds of the machine's monotonic clock, which all processes share."""

    pid: int


async def work(name: str) -> None:
    """Do the job."""
    again = name == HOLD and any(begun.name == HOLD for begun in log())
    line = f"{name} {time.monotonic()} {os.getpid()}\n".encode()
    file = os.open(os.environ[LOG], os.O_WRONLY | os.O_APPEND)
    os.write(file, line)
    os.close(file)
    if name == HOLD and not again:
        await asyncio.sleep(3600)


def log() -> list[Begun]:
    """Return what has begun so far."""
    lines = Path(os.environ[LOG]).read_text().splitlines()
    return [Begun(name=name, at=float(at), pid=int(pid)) for name, at, pid in map(str.split, lines)]
