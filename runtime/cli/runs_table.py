"""The table of runs, with as many columns as fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.table import Table
from rich.text import Text

from trunkline.runtime.cli.figures import count_text, dollars_text, one_line, shortened
from trunkline.runtime.cli.standing import standing_of_run
from trunkline.runtime.storage.runs import RunSummary

_GAP = 2
_ASKED = 12
"""Cells that what was asked has at least: it is how people recognise a run."""

_SHORTEST_ID = 8
_LONG_NAME, _SHORT_NAME = 12, 8
"""Cells for the names of threads and graphs at most: when there is room, and when there is not."""

_LEFT_OUT_FIRST = ("thread", "graph", "tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A column, its cells written out."""

    name: str
    cells: Sequence[Text]
    right: bool = False

    @property
    def width(self) -> int:
        return max(len(self.name), *(cell.cell_len for cell in self.cells))


def runs_table(found: Sequence[RunSummary], *, width: int) -> Table:
    """Return the runs as a table, a line each. Ids are cut as short as they can be told apart."""
    columns = _fitting(found, width)
    room = max(width - _taken(columns), _ASKED)
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bright_black")
    for column in columns:
        table.add_column(column.name, justify="right" if column.right else "left", no_wrap=True, width=column.width)
    table.add_column("asked", no_wrap=True, overflow="ellipsis", max_width=room)
    for number, summary in enumerate(found):
        table.add_row(*(column.cells[number] for column in columns), Text(one_line(summary.run.asked or "")))
    return table


def _columns(found: Sequence[RunSummary], longest_name: int) -> list[_Column]:
    length = _id_length([summary.run.id for summary in found])
    today = datetime.now().astimezone()

    def column(name: str, cell: Callable[[RunSummary], str | Text], *, right: bool = False) -> _Column:
        cells = [cell(summary) for summary in found]
        texts = [each if isinstance(each, Text) else Text(each) for each in cells]
        return _Column(name=name, cells=texts, right=right)

    return [
        column("run", lambda summary: summary.run.id[:length]),
        column("status", _status),
        column("thread", lambda summary: _end_of(summary.run.thread_id, longest_name)),
        column("graph", lambda summary: _short(summary.run.graph, longest_name)),
        column("started", lambda summary: _started(summary.run.started_at.astimezone(), today)),
        column("seconds", lambda summary: _seconds(summary.run.seconds), right=True),
        column("calls", _calls, right=True),
        column("tokens", lambda summary: count_text(summary.tokens) if summary.tokens else "-", right=True),
        column("cost", _cost, right=True),
    ]


def _fitting(found: Sequence[RunSummary], width: int) -> list[_Column]:
    room = width - _ASKED
    columns = _columns(found, _LONG_NAME)
    if _taken(columns) > room:
        columns = _columns(found, _SHORT_NAME)
    for name in _LEFT_OUT_FIRST:
        if _taken(columns) > room:
            columns = [column for column in columns if column.name != name]
    return columns


def _taken(columns: Sequence[_Column]) -> int:
    return sum(column.width + _GAP for column in columns)


def _id_length(ids: Sequence[str]) -> int:
    longest = max(len(id_) for id_ in ids)
    lengths = range(_SHORTEST_ID, longest)
    return next((length for length in lengths if len({id_[:length] for id_ in ids}) == len(ids)), longest)


def _status(summary: RunSummary) -> Text:
    standing = standing_of_run(summary.run.status)
    return Text(f"{standing.sign} {standing.word}", style=standing.style)


def _started(at: datetime, today: datetime) -> str:
    if at.date() == today.date():
        return f"{at:%H:%M:%S}"
    return f"{at:%d %b %H:%M}" if at.year == today.year else f"{at:%Y-%m-%d}"


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:,.2f}"


def _calls(summary: RunSummary) -> Text:
    if not summary.failed_calls:
        return Text(str(summary.calls))
    return Text.assemble(f"{summary.calls} ", (f"{summary.failed_calls}✗", "red"))


def _cost(summary: RunSummary) -> str:
    return dollars_text(summary.micro_usd) if summary.tokens else "-"


def _short(name: str, cells: int) -> str:
    return shortened(one_line(name), cells)


def _end_of(thread: str, cells: int) -> str:
    """Return the end of a thread's name: its beginning is that of the tenant, the same in every line."""
    return shortened(one_line(thread)[::-1], cells)[::-1]
