"""Bars on a common time axis, drawn with characters that tell their meaning without colour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.text import Text

ON_PATH, BESIDE, WAITING = "█", "▒", "░"
_BRIEF = "▏"
_ROOM = 8
"""Cells between two marks of the axis, at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A stretch of time laid out over a number of cells."""

    began: datetime
    seconds: float
    cells: int

    def cell(self, at: datetime) -> int:
        """Return the boundary between cells that is nearest to this time."""
        part = (at - self.began) / timedelta(seconds=self.seconds) if self.seconds > 0 else 0.0
        return min(max(round(part * self.cells), 0), self.cells)

    def marks(self) -> Text:
        """Return the line above the bars: round times, as many as there is room for."""
        step = self._step()
        line = ""
        for number in range(self.cells // _ROOM + 1):
            cell = self.cell(self.began + timedelta(seconds=number * step))
            label = _mark(number * step)
            if cell + len(label) <= self.cells:
                line = f"{line:<{cell}}{label}"
        return Text(line, style="bright_black")

    def _step(self) -> float:
        smallest = self.seconds * _ROOM / self.cells
        sizes = (digit * 10.0**power for power in range(-6, 9) for digit in (1, 2, 5))
        return next((size for size in sizes if size >= smallest), smallest)


def call_bar(axis: Axis, *, asked: datetime, began: datetime, ended: datetime, on_path: bool, style: str) -> Text:
    """Return the bar of a call: its wait pale, its run filled when it is on the critical path, else half-filled."""
    first = min(axis.cell(began), axis.cells - 1)
    last = max(axis.cell(ended), first)
    wait = min(axis.cell(asked), first)
    run = (ON_PATH if on_path else BESIDE) * (last - first) or (ON_PATH if on_path else _BRIEF)
    bar = Text(" " * wait)
    bar.append(WAITING * (first - wait), style=f"{style} dim")
    bar.append(run, style=f"{style} bold" if on_path else style)
    bar.append(" " * (axis.cells - bar.cell_len))
    return bar


def span_bar(axis: Axis, *, began: datetime, ended: datetime) -> Text:
    """Return the bar of a span that holds others: only its extent."""
    first = min(axis.cell(began), axis.cells - 1)
    length = max(axis.cell(ended) - first, 1)
    extent = "│" if length == 1 else f"├{'─' * (length - 2)}┤"
    return Text(f"{' ' * first}{extent}{' ' * (axis.cells - first - length)}", style="bright_black")


def _mark(seconds: float) -> str:
    if seconds >= 60:
        return f"{seconds / 60:g} min"
    return f"{seconds:g} s" if seconds >= 0.1 or not seconds else f"{seconds * 1000:g} ms"
