"""Many processes that save checkpoints of growing threads in one database, and what must be there afterwards."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

from stand_ins.checkpoints import at, checkpoint_id, put
from stand_ins.processes import run_together
from trunkline import SQLAlchemySaver

_PER_OPENING = 20
"""Checkpoints until a process closes its saver and opens another, as programs do that start and end."""


async def write_for(url: str, name: str, seconds: float, acknowledged: Path) -> None:
    """Save checkpoints one after the other, with a task's write each, and note each that was acknowledged."""
    end = time.monotonic() + seconds
    log, where = list[str](), at(name)
    with acknowledged.open("w", buffering=1) as notes:
        while time.monotonic() < end:
            async with SQLAlchemySaver.from_conn_string(url) as saver:
                for _ in range(_PER_OPENING):
                    log.append(f"{name} says {len(log)} " * 10)
                    where = await put(saver, where, {"log": log}, versions={"log": len(log)})
                    await saver.aput_writes(where, [("log", len(log))], "task")
                    notes.write(f"{checkpoint_id(where)}\n")


def write_together(url: str, folder: Path, *, processes: int, seconds: float) -> dict[str, list[str]]:
    """Let so many processes write, each to a thread of its own, and return what was acknowledged of each, in order."""
    names = {f"thread {number}": folder / f"{number}.txt" for number in range(processes)}
    run_together(write_for, *((url, name, seconds, notes) for name, notes in names.items()), seconds=seconds)
    return {name: notes.read_text().split() for name, notes in names.items()}


async def broken_promises(url: str, acknowledged: dict[str, list[str]]) -> list[str]:
    """Return what is not as it was acknowledged: a checkpoint, its parent, its list, or the write under it."""
    async with SQLAlchemySaver.from_conn_string(url) as saver:
        return [broken async for broken in _broken(saver, acknowledged)]


async def _broken(saver: SQLAlchemySaver, acknowledged: dict[str, list[str]]) -> AsyncIterator[str]:
    for name, expected in acknowledged.items():
        found = [one async for one in saver.alist(at(name))][::-1]
        if [checkpoint_id(one) for one in found] != expected:
            yield f"{name} has {len(found)} checkpoints, of {len(expected)} acknowledged"
        for number, one in enumerate(found, start=1):
            log = [f"{name} says {each} " * 10 for each in range(number)]
            parent = checkpoint_id(one.parent_config) if one.parent_config else None
            writes = [("task", "log", number)]
            wanted = (log, expected[number - 2] if number > 1 else None, writes)
            if (one.checkpoint["channel_values"]["log"], parent, one.pending_writes) != wanted:
                yield f"checkpoint {number} of {name} is not what was saved"
