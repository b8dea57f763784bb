"""An event that a channel delivers more than once, and a worker that dies while it serves it."""

import asyncio
from pathlib import Path

from stand_ins.killed_desk import THREAD, Death, World, desk
from stand_ins.ledger_watch import watch_ledger
from trunkline import Trunkline


async def delivered(line: Trunkline) -> str:
    """Deliver the event, as a channel does that has not heard an acknowledgement."""
    return await line.submit("desk", "go", thread=THREAD, key="event 4711")


async def serve_event_until_death(url: str, path: Path, death: Death) -> None:
    """Serve the event in a worker that dies on the way."""
    watch_ledger(death.hear)
    async with Trunkline(url, graphs={"desk": desk(World(path), death)}) as line, line.worker():
        await line.wait(await delivered(line), within=60)
        await asyncio.sleep(60)
