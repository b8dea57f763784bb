"""What is written above and below a waterfall: the run, its sums, and what went wrong in it."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator

from rich.console import Group
from rich.text import Text

from trunkline.runtime.cli.bars import BESIDE, ON_PATH, WAITING
from trunkline.runtime.cli.figures import dollars_text, one_line, plural, seconds_text
from trunkline.runtime.cli.lines import trouble_told_here
from trunkline.runtime.cli.standing import standing_of, standing_of_run
from trunkline.runtime.storage.run_rows import Run
from trunkline.runtime.tracing.critical_path import CriticalPath
from trunkline.runtime.tracing.span import SpanKind
from trunkline.runtime.tracing.totals import Totals, totals
from trunkline.runtime.tracing.tree import SpanTree

_TROUBLES = 5
"""Errors written in full; the waterfall marks them all."""

_LABEL = 15
"""Cells for the label of a row."""

Row = tuple[str, str]


def heading(run: Run, *, width: int) -> Group:
    """Return which run it is, how it stands, and what was asked and answered."""
    standing = standing_of_run(run.status)
    title = Text.assemble(
        (one_line(run.graph), "bold"), "  ", (f"{standing.sign} {standing.word}", standing.style), "  ", run.id
    )
    started = f"{run.started_at.astimezone():%Y-%m-%d %H:%M:%S}"
    rows = [("thread", one_line(run.thread_id)), ("started", started)]
    rows += [("asked", one_line(run.asked))] if run.asked else []
    rows += [("answered", one_line(run.answer))] if run.answer else []
    return Group(title, _written(rows, width))


def footer(run: Run, tree: SpanTree, path: CriticalPath, *, width: int) -> Group:
    """Return the sums of the run, its errors in full, and what the signs of the waterfall mean."""
    sums = totals(tree.spans)
    rows = [
        ("wall time", seconds_text(sums.seconds)),
        ("critical path", _composition(path)),
        ("model calls", _model_calls(sums)),
        ("tool calls", _tool_calls(sums, tree)),
        *_troubles(run, tree),
    ]
    signs = f"{ON_PATH} critical path (bold)  {BESIDE} beside it  {WAITING} waiting  ├─┤ holds others"
    return Group(_written([*rows, ("signs", signs)], width))


def _composition(path: CriticalPath) -> str:
    longest_first = sorted(path.composition.items(), key=lambda share: -share[1])
    return ", ".join(f"{share} {seconds_text(seconds)}" for share, seconds in longest_first) or "nothing yet"


def _model_calls(sums: Totals) -> str:
    if not sums.model_calls:
        return "0"
    tokens = f"{plural(sums.input_tokens, 'token')} in, {sums.output_tokens:,} out"
    cost = dollars_text(sums.micro_usd)
    if sums.micro_usd is not None and sums.unpriced:
        cost = f"{cost} and {plural(sums.unpriced, 'call')} unpriced"
    return f"{sums.model_calls:,}: {tokens if sums.reported else 'tokens unknown'}, {cost}"


def _tool_calls(sums: Totals, tree: SpanTree) -> str:
    if not sums.tool_calls:
        return "0"
    words = Counter(standing_of(span).word for span in tree.spans if span.kind is SpanKind.TOOL)
    notable = [f"{count} {word}" for word, count in words.items() if word]
    return ", ".join([f"{sums.tool_calls:,}: {seconds_text(sums.tool_seconds)} in sum", *notable])


def _troubles(run: Run, tree: SpanTree) -> Iterator[Row]:
    told = [(span, trouble_told_here(tree, span)) for span in tree.spans]
    said = [f"{one_line(span.name)}: {text}" for span, text in told if text]
    if run.error and not any(text in one_line(run.error) for _, text in told if text):
        said.insert(0, one_line(run.error))
    for number, text in enumerate(said[:_TROUBLES]):
        yield ("" if number else "errors", text)
    if len(said) > _TROUBLES:
        yield ("", f"and {len(said) - _TROUBLES} more; --json has them all")


def _written(rows: Iterable[Row], width: int) -> Text:
    """Return rows of a label and a text, a long text wrapped beside its label."""
    written: list[str | tuple[str, str]] = []
    for label, text in rows:
        lines = textwrap.wrap(text, max(width - _LABEL, _LABEL)) or [""]
        written.append((f"{label:<{_LABEL}}", "bright_black"))
        written.append(f"\n{' ' * _LABEL}".join(lines))
        written.append("\n")
    return Text.assemble(*written[:-1])
