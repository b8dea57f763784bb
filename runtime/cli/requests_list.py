"""The list of requests: for each how it stands, the call with its arguments, and why somebody must decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from rich.text import Text

from trunkline.runtime.calls.record import CallRecord
from trunkline.runtime.cli.call_words import SHORTEST_ID, call_text, untrusted_text
from trunkline.runtime.cli.columns import GAP, Column, end_of, taken, told_apart
from trunkline.runtime.cli.figures import one_line, rough_text, shortened, time_text
from trunkline.tools.call import CallState

_SHORTEST_THREAD = 8
_LONGEST_BY = 24


def requests_list(found: Sequence[CallRecord], *, now: datetime, width: int) -> Text:
    """Return the requests, three or four lines each: who decides on a call must see what it would do."""
    columns = _columns(found, now, width)
    indent = columns[0].width + GAP
    lines = [_line(columns, [Text(column.name, style="bright_black") for column in columns])]
    for number, record in enumerate(found):
        lines.append(_line(columns, [column.cells[number] for column in columns]))
        lines.append(_below(call_text(record), "bold", indent, width))
        lines.append(_below(one_line(record.reason or ""), "", indent, width))
        if record.untrusted:
            lines.append(_below(untrusted_text(record), "red", indent, width))
    return Text("\n").join(lines)


def _columns(found: Sequence[CallRecord], now: datetime, width: int) -> list[Column]:
    length = told_apart([record.call_id for record in found], shortest=SHORTEST_ID)

    def column(name: str, cell: Callable[[CallRecord], str]) -> Column:
        return Column(name=name, cells=[Text(cell(record)) for record in found])

    call = column("call", lambda record: record.call_id[:length])
    others = [
        column("since", lambda record: time_text(record.asked_at or record.recorded_at, now)),
        column("deadline", lambda record: _deadline(record, now)),
        column("agreed", _agreed),
    ]
    room = max(width - taken([call, *others]), _SHORTEST_THREAD)
    return [call, column("thread", lambda record: end_of(record.thread_id, room)), *others]


def _line(columns: Sequence[Column], cells: Sequence[Text]) -> Text:
    line = Text()
    for column, cell in zip(columns[:-1], cells, strict=False):
        line.append(cell).append(" " * (column.width + GAP - cell.cell_len))
    return line.append(cells[-1])


def _below(text: str, style: str, indent: int, width: int) -> Text:
    return Text(" " * indent).append(shortened(text, width - indent), style=style)


def _deadline(record: CallRecord, now: datetime) -> str:
    return f"in {rough_text((record.expires_at - now).total_seconds())}" if record.expires_at else "none"


def _agreed(record: CallRecord) -> str:
    if record.state is CallState.PROPOSED:
        return "the customer must confirm first"
    by = shortened(one_line(", ".join(record.agreed)), _LONGEST_BY)
    return f"{len(record.agreed)} of {record.people}{f': {by}' if by else ''}"
