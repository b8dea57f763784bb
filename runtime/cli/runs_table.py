"""The table of runs, with as many columns as fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from trunkline.runtime.cli.columns import Column, end_of, table, taken, told_apart
from trunkline.runtime.cli.figures import count_text, dollars_text, one_line, shortened, time_text
from trunkline.runtime.cli.standing import standing_of_run
from trunkline.runtime.storage.runs import RunSummary

_ASKED = 12
"""Cells that what was asked has at least: it is how people recognise a run."""

_SHORTEST_ID = 8
_LONG_NAME, _SHORT_NAME = 12, 8
"""Cells for the names of threads and graphs at most: when there is room, and when there is not."""

_LEFT_OUT_FIRST = ("thread", "graph", "tokens")


def runs_table(found: Sequence[RunSummary], *, width: int) -> Table:
    """Return the runs as a table, a line each. Ids are cut as short as they can be told apart."""
    columns = _fitting(found, width)
    asked = [Text(one_line(summary.run.asked or "")) for summary in found]
    return table(columns, last=Column(name="asked", cells=asked), room=max(width - taken(columns), _ASKED))


def _columns(found: Sequence[RunSummary], longest_name: int) -> list[Column]:
    length = told_apart([summary.run.id for summary in found], shortest=_SHORTEST_ID)
    today = datetime.now().astimezone()

    def column(name: str, cell: Callable[[RunSummary], str | Text], *, right: bool = False) -> Column:
        cells = [cell(summary) for summary in found]
        texts = [each if isinstance(each, Text) else Text(each) for each in cells]
        return Column(name=name, cells=texts, right=right)

    return [
        column("run", lambda summary: summary.run.id[:length]),
        column("status", _status),
        column("thread", lambda summary: end_of(summary.run.thread_id, longest_name)),
        column("graph", lambda summary: _short(summary.run.graph, longest_name)),
        column("started", lambda summary: time_text(summary.run.started_at, today)),
        column("seconds", lambda summary: _seconds(summary.run.seconds), right=True),
        column("calls", _calls, right=True),
        column("tokens", lambda summary: count_text(summary.tokens) if summary.tokens else "-", right=True),
        column("cost", _cost, right=True),
    ]


def _fitting(found: Sequence[RunSummary], width: int) -> list[Column]:
    room = width - _ASKED
    columns = _columns(found, _LONG_NAME)
    if taken(columns) > room:
        columns = _columns(found, _SHORT_NAME)
    for name in _LEFT_OUT_FIRST:
        if taken(columns) > room:
            columns = [column for column in columns if column.name != name]
    return columns


def _status(summary: RunSummary) -> Text:
    standing = standing_of_run(summary.run.status)
    return Text(f"{standing.sign} {standing.word}", style=standing.style)


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
