"""Where a row belongs: its kind, its thread, and what tells it from the thread's others.

A thread counts by its name, not by its number in the database: what two threads hold cannot be exchanged by exchanging
their names.
"""

from __future__ import annotations

from typing import Any

Identity = tuple[str | int | bytes | None, ...]


def item_identity(thread: str, number: int, digest: bytes) -> Identity:
    """Return where an item belongs. The sign of its number tells its kind."""
    return "item", thread, number, digest


def checkpoint_identity(
    thread: str, *, ns: str, checkpoint_id: str, parent_id: str | None, run_id: str | None
) -> Identity:
    """Return where a checkpoint belongs."""
    return "checkpoint", thread, checkpoint_id, ns, parent_id, run_id


def write_identity(
    thread: str, *, ns: str, checkpoint_id: str, task_id: str, idx: int, task_path: str, channel: str
) -> Identity:
    """Return where what a task wrote belongs."""
    return "write", thread, task_id, ns, checkpoint_id, idx, task_path, channel


def of_item(thread: str, row: Any) -> Identity:
    """Return where the row of an item belongs."""
    return item_identity(thread, row.number, row.digest)


def of_checkpoint(thread: str, row: Any) -> Identity:
    """Return where the row of a checkpoint belongs."""
    return checkpoint_identity(
        thread, ns=row.ns, checkpoint_id=row.checkpoint_id, parent_id=row.parent_id, run_id=row.run_id
    )


def of_write(thread: str, row: Any) -> Identity:
    """Return where the row of a write belongs."""
    return write_identity(
        thread,
        ns=row.ns,
        checkpoint_id=row.checkpoint_id,
        task_id=row.task_id,
        idx=row.idx,
        task_path=row.task_path,
        channel=row.channel,
    )
