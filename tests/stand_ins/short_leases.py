"""Worker processes with short leases, whose clock may be wrong: `python -m stand_ins.short_leases URL SKEW`."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from langgraph.graph import START, MessagesState, StateGraph

LEASE = 1.5
TESTS = Path(__file__).parents[1]


def _tell(told: Path) -> None:
    with told.open("a") as file:
        file.write(f"{os.getpid()}\n")


async def _begin(state: MessagesState) -> dict[str, Any]:
    """Write down who serves the run, and wait until it may go on."""
    told = Path(str(state["messages"][0].content))
    _tell(told)
    while not (told.parent / "go").exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.02)
    return {"messages": [("ai", "begun")]}


def _end(state: MessagesState) -> dict[str, Any]:
    del state
    return {"messages": [("ai", str(os.getpid()))]}


def graph() -> Any:
    """Two steps: the first waits, the second says in which process it was done."""
    builder = StateGraph(MessagesState)
    builder.add_sequence([("begin", _begin), ("end", _end)])
    builder.add_edge(START, "begin")
    return builder


@asynccontextmanager
async def worker(url: str, *, skew: float = 0.0) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run a worker process whose local clock is so many seconds off, from where it serves; kill it at the end."""
    command = [sys.executable, "-m", "stand_ins.short_leases", url, str(skew)]
    paths = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    child = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, "PYTHONPATH": paths}, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout
    try:
        assert await child.stdout.readline() == b"serves\n"
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


def _set_clock(skew: float) -> None:
    """Let everything that asks Python for the time of day get the wrong one."""
    right, right_ns = time.time, time.time_ns
    time.time = lambda: right() + skew
    time.time_ns = lambda: right_ns() + round(skew * 1e9)


async def _serve(url: str) -> None:
    from trunkline import Trunkline

    async with Trunkline(url, graphs={"slow": graph()}) as line, line.worker(lease=LEASE, drain_grace=1.0) as serving:
        sys.stdout.write("serves\n")
        sys.stdout.flush()
        await serving.until_over()


if __name__ == "__main__":
    _set_clock(float(sys.argv[2]))
    asyncio.run(_serve(sys.argv[1]))
