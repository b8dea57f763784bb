"""The table of calls, a line each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from trunkline.runtime.calls.record import CallRecord
from trunkline.runtime.cli.call_words import SHORTEST_ID, call_text
from trunkline.runtime.cli.columns import Column, end_of, table, taken, told_apart
from trunkline.runtime.cli.figures import time_text
from trunkline.runtime.cli.standing import standing_of_call

_LONGEST_THREAD = 12
_ASKED = 24
"""Cells that a call with its arguments has at least."""

_LEFT_OUT_FIRST = ("thread", "recorded")


def calls_table(found: Sequence[CallRecord], *, width: int) -> Table:
    """Return the calls as a table. Ids are cut as short as they can be told apart."""
    columns = _columns(found)
    for name in _LEFT_OUT_FIRST:
        if width - taken(columns) < _ASKED:
            columns = [column for column in columns if column.name != name]
    asked = [Text(call_text(record)) for record in found]
    return table(columns, last=Column(name="asked", cells=asked), room=max(width - taken(columns), _ASKED))


def _columns(found: Sequence[CallRecord]) -> list[Column]:
    length = told_apart([record.call_id for record in found], shortest=SHORTEST_ID)
    now = datetime.now().astimezone()

    def column(name: str, cell: Callable[[CallRecord], str]) -> Column:
        return Column(name=name, cells=[Text(cell(record)) for record in found])

    return [
        column("call", lambda record: record.call_id[:length]),
        Column(name="state", cells=[_state(record) for record in found]),
        column("thread", lambda record: end_of(record.thread_id, _LONGEST_THREAD)),
        column("recorded", lambda record: time_text(record.recorded_at, now)),
    ]


def _state(record: CallRecord) -> Text:
    standing = standing_of_call(record.state)
    return Text(f"{standing.sign} {standing.word}", style=standing.style)
