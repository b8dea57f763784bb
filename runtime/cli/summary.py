"""What is written above and below a waterfall: the run, its sums, and what went wrong in it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from trunkline.runtime.cli.bars import BESIDE, ON_PATH, WAITING
from trunkline.runtime.cli.figures import dollars_text, one_line, plural, seconds_text
from trunkline.runtime.cli.lines import trouble_told_here
from trunkline.runtime.cli.standing import standing_of_run
from trunkline.runtime.storage.runs import Run
from trunkline.runtime.tracing.critical_path import CriticalPath
from trunkline.runtime.tracing.span import SpanKind, SpanStatus
from trunkline.runtime.tracing.totals import Totals, totals
from trunkline.runtime.tracing.tree import SpanTree

_TROUBLES = 5
"""Errors written in full; the waterfall marks them all."""
