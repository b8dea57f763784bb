"""The waterfall: a run's spans as a drawing, one line a span, on one time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Group
from rich.text import Text

from trunkline.runtime.cli.bars import Axis, call_bar, span_bar
from trunkline.runtime.cli.brackets import Bracket, Brackets
from trunkline.runtime.cli.figures import plural, seconds_text, shortened
from trunkline.runtime.cli.lines import Line, lines
from trunkline.runtime.tracing.batches import batches
from trunkline.runtime.tracing.critical_path import CriticalPath
from trunkline.runtime.tracing.tree import SpanTree

_WIDEST = 160
"""Columns; on a wider line the eye loses its way from the name to the figures."""

_SIGN = 2
_GAPS = 6
"""The cells between name, bar, duration and detail."""

_DETAIL = 24
"""Cells that say enough of what matters, where the bars cannot have two fifths of the width."""

_BAR = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """How many cells each part of a line has."""

    name: int
    bar: int
    took: int
    detail: int


def waterfall(tree: SpanTree, path: CriticalPath, *, width: int) -> Group:
    """Return the drawing of the spans, `width` columns wide at most. There must be one at least."""
    branches = list(tree.branches())
    said = lines(tree, branches, path)
    brackets = Brackets(branches, batches(tree.spans))
    columns = _columns(said, min(width, _WIDEST) - brackets.width - _SIGN - _GAPS)
    axis = _axis(tree, columns.bar)
    drawn = [Text.assemble(" " * (brackets.width + _SIGN + columns.name + 2), axis.marks())]
    for number, line in enumerate(said):
        drawn.append(_drawn(line, brackets.left_of(number), axis, columns))
        drawn.extend(_note(bracket, brackets.below(number)) for bracket in brackets.ending_at(number))
    for text in drawn:
        text.rstrip()
        text.no_wrap, text.overflow = True, "crop"
    return Group(*drawn)


def _axis(tree: SpanTree, cells: int) -> Axis:
    began = min(span.started_at for span in tree.spans)
    ended = max(span.ended_at for span in tree.spans)
    return Axis(began=began, seconds=(ended - began).total_seconds(), cells=cells)


def _columns(said: Sequence[Line], width: int) -> Columns:
    took = max(len(line.took) for line in said)
    name = min(max(cell_len(line.name) for line in said), max(width * 3 // 10, 12))
    room = width - name - took
    detail = min(max(cell_len(line.detail) for line in said), max(room - width * 2 // 5, min(_DETAIL, room // 2)))
    return Columns(name=name, took=took, detail=detail, bar=max(room - detail, _BAR))


def _drawn(line: Line, bracket: str, axis: Axis, columns: Columns) -> Text:
    weight = "bold" if line.on_path else ""
    return Text.assemble(
        (bracket, "bright_black"),
        (f"{line.standing.sign:<{_SIGN}}", line.standing.style),
        (set_cell_size(shortened(line.name, columns.name), columns.name), weight),
        "  ",
        _bar(line, axis),
        "  ",
        (f"{line.took:>{columns.took}}", weight),
        "  ",
        (shortened(line.detail, columns.detail), line.standing.style if line.standing.word else "bright_black"),
    )


def _bar(line: Line, axis: Axis) -> Text:
    if line.holds_others:
        return span_bar(axis, began=line.started_at, ended=line.ended_at)
    return call_bar(
        axis,
        asked=line.asked_at,
        began=line.started_at,
        ended=line.ended_at,
        on_path=line.on_path,
        style=line.style,
    )


def _note(bracket: Bracket, left: str) -> Text:
    batch = bracket.batch
    calls, took = plural(len(batch.calls), "call"), seconds_text(batch.seconds)
    if batch.side_by_side:
        said = f"{calls} side by side: {took} instead of {seconds_text(batch.one_by_one)} one by one"
    else:
        said = f"{calls} one after another: {took}"
    indent = " " * (_SIGN + 2 * bracket.depth)
    return Text.assemble((left, "bright_black"), (f"{indent}{said}", "italic"))
