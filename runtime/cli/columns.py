"""Columns of a table with a line a row, which never wraps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from trunkline.runtime.cli.figures import one_line, shortened

GAP = 2
"""Cells behind each column but the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column, its cells written out."""

    name: str
    cells: Sequence[Text]
    right: bool = False

    @property
    def width(self) -> int:
        """The cells of a terminal that it needs."""
        return max(len(self.name), *(cell.cell_len for cell in self.cells))


def table(columns: Sequence[Column], *, last: Column, room: int) -> Table:
    """Return the columns as a table; the last one gets what room there is, and is cut there."""
    drawn = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bright_black")
    for column in columns:
        drawn.add_column(column.name, justify="right" if column.right else "left", no_wrap=True, width=column.width)
    drawn.add_column(last.name, no_wrap=True, overflow="ellipsis", max_width=room)
    for number, cell in enumerate(last.cells):
        drawn.add_row(*(column.cells[number] for column in columns), cell)
    return drawn


def plain_table(names: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[str]) -> Table:
    """Return rows of short texts as a table, each as wide as it must be; those of `right` columns are figures."""
    drawn = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bright_black")
    for name in names:
        drawn.add_column(name, justify="right" if name in right else "left", no_wrap=True)
    for row in rows:
        drawn.add_row(*(Text(one_line(cell)) for cell in row))
    return drawn


def taken(columns: Sequence[Column]) -> int:
    """Return how many cells the columns take, with the gaps behind them."""
    return sum(column.width + GAP for column in columns)


def told_apart(ids: Sequence[str], *, shortest: int) -> int:
    """Return how much of each id is needed to tell it from the others, and at least so much."""
    longest = max(len(id_) for id_ in ids)
    lengths = range(shortest, longest)
    return next((length for length in lengths if len({id_[:length] for id_ in ids}) == len(ids)), longest)


def end_of(thread: str, cells: int) -> str:
    """Return the end of a thread's name: its beginning is that of the tenant, the same in every line."""
    return shortened(one_line(thread)[::-1], cells)[::-1]
