"""A contender in another environment: a child process that serves one turn for each line it is sent."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path

from peers.turn import Case, Taken, Turn

_BENCHMARKS = Path(__file__).resolve().parents[1]
PYTHON = _BENCHMARKS.parent / ".venv-bench" / "bin" / "python"
"""The interpreter of the environment that `make bench-calls` makes."""


async def turn_elsewhere(stack: AsyncExitStack, case: Case, module: str, versions: dict[str, str]) -> Turn:
    """Start the child that serves the turns of this module; its packages are added to `versions`."""
    child = await asyncio.create_subprocess_exec(
        PYTHON,
        *("-m", "peers.serve", module, json.dumps(asdict(case))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=_BENCHMARKS,
        env=_without_our_path(os.environ),
    )
    stack.push_async_callback(_end, child)
    versions |= json.loads(await _line(child, module))

    async def turn() -> Taken:
        if child.stdin:
            child.stdin.write(b"{}\n")
        return Taken(**json.loads(await _line(child, module)))

    return turn


async def _line(child: asyncio.subprocess.Process, module: str) -> bytes:
    line = await child.stdout.readline() if child.stdout else b""
    if not line:
        problem = f"the process that serves {module} ended; its words are above"
        raise RuntimeError(problem)
    return line


async def _end(child: asyncio.subprocess.Process) -> None:
    if child.stdin:
        child.stdin.close()
    await child.wait()


def _without_our_path(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave out what would let the folders of this repository stand in for the peer's packages."""
    return {name: value for name, value in environment.items() if name != "PYTHONPATH"}
