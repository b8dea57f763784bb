"""The table of threads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from trunkline.runtime.cli.columns import Column, table, taken
from trunkline.runtime.cli.figures import count_text, one_line, shortened, time_text
from trunkline.runtime.storage.threads import Thread

_NAME = 12
"""Cells for a graph's name at most, and for a thread's at least."""


def threads_table(found: Sequence[Thread], *, width: int) -> Table:
    """Return the threads as a table, a line each."""
    today = datetime.now().astimezone()
    columns = [
        Column(name="last used", cells=[Text(_when(each, today)) for each in found]),
        Column(name="graph", cells=[Text(shortened(one_line(each.graph or "-"), _NAME)) for each in found]),
        Column(name="runs", cells=[Text(count_text(each.runs)) for each in found], right=True),
        Column(name="checkpoints", cells=[Text(count_text(each.checkpoints)) for each in found], right=True),
        Column(name="now", cells=[_now(each) for each in found]),
    ]
    names = [Text(one_line(each.name)) for each in found]
    return table(columns, last=Column(name="thread", cells=names), room=max(width - taken(columns), _NAME))


def _when(thread: Thread, today: datetime) -> str:
    return time_text(thread.active_at, today) if thread.active_at else "-"


def _now(thread: Thread) -> Text:
    if thread.under_way:
        return Text("▸ in use", style="cyan")
    if thread.waiting:
        return Text("… waits", style="yellow")
    return Text("⊘ deleted", style="bright_black") if thread.erased else Text("-")
