"""One process of a contender: `python -m queues.child MODULE ROLE URL OPTIONS`, with the options as JSON.

What it answers is JSON, one value a line. `serve` loads everything, says so, and begins when a line comes.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Any

from queues.job import log

_LOOK, _PATIENCE = 0.002, 30.0


def main(module: str, role: str, url: str, options: Mapping[str, Any]) -> None:
    """Play the role."""
    contender: Any = import_module(f"queues.{module}")
    match role:
        case "set_up":
            asyncio.run(contender.set_up(url, options))
            _say({package: version(package) for package in contender.PACKAGES})
        case "serve":
            _say("ready")
            sys.stdin.readline()
            asyncio.run(contender.serve(url, options))
        case "fill":
            asyncio.run(_fill(contender, url, options))
            _say("filled")
        case "wait":
            _say(asyncio.run(contender.wait(url, options)))
        case _:
            _say(asyncio.run(_pace(contender, url, options)))


async def _fill(contender: Any, url: str, options: Mapping[str, Any]) -> None:
    """Submit as many jobs as are asked for, or one of the name asked for."""
    names = [options["name"]] if "name" in options else [f"job-{number}" for number in range(options["jobs"])]
    async with contender.submitter(url, options) as submit:
        await submit(names)


async def _pace(contender: Any, url: str, options: Mapping[str, Any]) -> list[float]:
    """Submit one job after the other, each when the queue has been idle a while; return the seconds to their starts."""
    taken: list[float] = []
    async with contender.submitter(url, options) as submit:
        for number in range(options["jobs"]):
            name, before = f"paced-{number}", time.monotonic()
            await submit([name])
            taken.append(await _began(name) - before)
            await asyncio.sleep(random.uniform(0.05, 0.15))
    return taken


async def _began(name: str) -> float:
    async with asyncio.timeout(_PATIENCE):
        while not (found := [begun.at for begun in log() if begun.name == name]):  # noqa: ASYNC110 - in other processes
            await asyncio.sleep(_LOOK)
    return found[0]


def _say(value: Any) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4]))
