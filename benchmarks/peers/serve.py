"""The far end of `elsewhere`: `python -m peers.serve MODULE CASE` answers each line of its input with one turn.

What it writes first are the versions of the peer's packages. Both ends speak JSON, one object a line.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import version

from peers.turn import Case


async def serve(module: str, case: Case) -> None:
    """Serve turns until the input ends. Nothing runs between two turns, so its reading may block."""
    peer = import_module(f"peers.{module}")
    turn = peer.turn(case)
    print(json.dumps({package: version(package) for package in peer.PACKAGES}), flush=True)
    for _ in sys.stdin:
        gc.collect()
        print(json.dumps(asdict(await turn())), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Case(**json.loads(sys.argv[2]))))
