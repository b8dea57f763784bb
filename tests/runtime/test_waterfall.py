"""The drawing of a run: what each line says, and that it says it without colour and within the width."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from trunkline.runtime.cli.bars import BESIDE, ON_PATH, WAITING
from trunkline.runtime.cli.summary import footer
from trunkline.runtime.cli.waterfall import waterfall
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.run_rows import Run
from trunkline.runtime.tracing.critical_path import critical_path
from trunkline.runtime.tracing.span import Span, SpanKind, SpanStatus
from trunkline.runtime.tracing.tree import SpanTree

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
TRUNK = {"run": (SpanKind.RUN, None), "step": (SpanKind.STEP, "run")}


def span(name: str, began: int, ended: int, **given: Any) -> Span:
    """Make a tool call below `step`, unless its name is `run` or `step`; times are milliseconds."""
    kind, parent = TRUNK.get(name, (SpanKind.TOOL, "step"))
    names = {"kind", "below", "status", "error"}
    return Span(
        id=name,
        run_id="r-1",
        parent_id=given.get("below", parent),
        name=name,
        kind=given.get("kind", kind),
        status=given.get("status", SpanStatus.OK),
        error=given.get("error"),
        started_at=START + timedelta(milliseconds=began),
        ended_at=START + timedelta(milliseconds=ended),
        attributes={key: value for key, value in given.items() if key not in names},
    )


def drawn(*calls: Span, width: int = 100, color: bool = False) -> list[str]:
    """Return the lines of the waterfall of a run of 400 ms with one step and these calls."""
    tree = SpanTree([span("run", 0, 400), span("step", 0, 400), *calls])
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=color, color_system="standard" if color else None)
    console.print(waterfall(tree, critical_path(tree), width=width))
    return out.getvalue().splitlines()


def written(spans: Sequence[Span], *, error: str | None = None) -> str:
    """Return the footer of a run with these spans."""
    tree = SpanTree(spans)
    out = io.StringIO()
    Console(file=out, width=100).print(footer(run(error), tree, critical_path(tree), width=100))
    return out.getvalue()


def run(error: str | None) -> Run:
    return Run(
        id="r-1",
        thread_id="t",
        tenant="",
        graph="support",
        status=RunStatus.FAILED if error else RunStatus.SUCCEEDED,
        trace_id="run",
        asked=None,
        answer=None,
        error=error,
        started_at=START,
        ended_at=None,
    )


def model(name: str = "gpt", **given: Any) -> Span:
    return span(name, 0, 100, kind=SpanKind.MODEL, **given)


def line_of(name: str, lines: Sequence[str]) -> str:
    return next(line for line in lines if f" {name} " in line)


def test_each_span_has_one_line_in_the_order_of_the_tree() -> None:
    """A child stands below its parent, siblings as they started."""
    lines = drawn(span("second", 100, 200), span("first", 0, 100), span("inner", 20, 50, below="first"))

    assert [line.split()[1] for line in lines[1:]] == ["run", "step", "first", "inner", "second"]


def test_the_wait_of_a_call_is_drawn_paler_than_its_run() -> None:
    """It lies before the run; the line says how long it was."""
    line = line_of("late", drawn(span("late", 200, 400, waited=0.2, effect="read"), span("other", 0, 10)))

    assert f"{WAITING}{ON_PATH}" in line
    assert "read, waited 0.20 s" in line


def test_the_critical_path_is_filled_and_what_ran_beside_it_is_not() -> None:
    """Emphasis does not need colour."""
    lines = drawn(span("slow", 0, 400), span("quick", 0, 300))

    assert ON_PATH in line_of("slow", lines)
    assert BESIDE not in line_of("slow", lines)
    assert BESIDE in line_of("quick", lines)


def test_a_batch_has_a_bracket_and_a_line_with_what_it_saved() -> None:
    """The line tells the time side by side and the time one by one."""
    lines = drawn(*(span(name, 0, 300, batch="b") for name in ("one", "two", "three")), span("alone", 350, 400))

    assert [line[0] for line in lines] == [" ", " ", " ", "┌", "│", "└", " ", " "]
    assert lines[6].strip() == "3 calls side by side: 0.30 s instead of 0.90 s one by one"


def test_a_batch_whose_calls_had_to_follow_one_another_claims_no_gain() -> None:
    """A bracket alone is no promise of time saved."""
    lines = drawn(span("one", 0, 200, batch="b"), span("two", 200, 400, batch="b"))

    assert lines[-1].strip() == "2 calls one after another: 0.40 s"


def test_a_batch_inside_of_a_call_has_its_own_bracket() -> None:
    """The outer bracket goes on at its left, through the note of the inner one."""
    outer = [span("asks", 0, 400, batch="out"), span("beside", 10, 400, batch="out")]
    inner = [span(name, 20, 300, below="asks", batch="in") for name in ("left", "right")]

    lines = drawn(*outer, *inner)

    assert [line[:4] for line in lines[3:8]] == ["┌   ", "│ ┌ ", "│ └ ", "│   ", "└   "]


@pytest.mark.parametrize(
    ("given", "sign", "words"),
    [
        ({"outcome": "done", "effect": "read"}, "✓", "read"),
        ({"outcome": "replayed", "effect": "write"}, "✓", "replayed, write"),
        ({"outcome": "pending", "effect": "write"}, "…", "waiting for approval, write"),
        ({"status": SpanStatus.CANCELLED, "effect": "read"}, "⊘", "cancelled, read"),
        ({"status": SpanStatus.ERROR, "error": "boom"}, "✗", "failed: boom"),
        (
            {"status": SpanStatus.ERROR, "error": '{"error":"rejected","message":"nothing left"}'},
            "✗",
            "failed: nothing left (rejected)",
        ),
        (
            {"status": SpanStatus.ERROR, "error": '{"error":"unknown","message":"lost"}'},
            "?",
            "outcome unknown: lost",
        ),
    ],
)
def test_how_a_call_ended_is_a_sign_and_words(given: dict[str, Any], sign: str, words: str) -> None:
    """Nobody needs colour to see it."""
    line = line_of("call", drawn(span("call", 0, 400, **given)))

    assert line.strip().startswith(sign)
    assert line.endswith(f"0.40 s  {words}")


def test_a_step_that_stopped_at_an_interrupt_is_not_called_failed() -> None:
    """A person sees that somebody has to answer."""
    asks = span("ask", 0, 400, kind=SpanKind.STEP, status=SpanStatus.WAITING)

    assert line_of("ask", drawn(asks)).endswith("waiting for an answer")


def test_an_error_that_went_up_through_the_steps_is_told_where_it_began() -> None:
    """The steps above only say that they failed."""
    broken: dict[str, Any] = {"status": SpanStatus.ERROR, "error": "no answer"}
    lines = drawn(span("agent", 0, 400, kind=SpanKind.STEP, **broken), model(below="agent", **broken))

    assert line_of("agent", lines).endswith("failed")
    assert line_of("gpt", lines).endswith("failed: no answer")


def test_a_model_call_shows_its_tokens_and_its_cost() -> None:
    """A price that nobody knows is `unpriced`, not zero."""
    priced = model(input_tokens=12_345, output_tokens=85, micro_usd=1_234)
    unpriced = model("llama", input_tokens=5, output_tokens=6, micro_usd=None)

    lines = drawn(priced, unpriced)

    assert line_of("gpt", lines).endswith("12k→85 tokens $0.0012")
    assert line_of("llama", lines).endswith("5→6 tokens unpriced")


@pytest.mark.parametrize("width", [60, 80, 140, 300])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Long names and errors are cut, wide characters counted as what they take."""
    error = f"the carrier's system answered: {'停' * 200}"
    calls = [
        span(name, 0, 100, batch="b", status=SpanStatus.ERROR, error=error) for name in ("get_shipment" * 9, "停" * 50)
    ]

    assert max(cell_len(line) for line in drawn(*calls, width=width)) <= width


def test_texts_of_others_cannot_command_the_terminal() -> None:
    """A tool's error with control characters is shown as plain text on its one line."""
    evil = "\x1b[31mred\x1b]0;title\x07\nsecond line [bold]"
    lines = drawn(span("call", 0, 400, status=SpanStatus.ERROR, error=evil), width=140)

    assert len(lines) == 4
    assert "\x1b" not in lines[3]
    assert "second line [bold]" in lines[3]


def test_colour_adds_nothing_to_the_text() -> None:
    """Without colour the same characters stand in the same places."""
    calls = [span("slow", 0, 400, batch="b", effect="write"), span("quick", 0, 30, batch="b", effect="read")]
    colored = drawn(*calls, color=True)

    assert "\x1b" in "".join(colored)
    assert [Text.from_ansi(line).plain for line in colored] == drawn(*calls)


def test_the_footer_adds_up_what_the_run_took() -> None:
    """Wall time, calls, tool time, tokens, cost, and what the critical path consists of."""
    spans = [span("run", 0, 400), model(below="run", input_tokens=1_000, output_tokens=50, micro_usd=2_000)]
    calls = [
        span(name, 100, 400, below="run", batch="b", outcome=how) for name, how in (("a", "done"), ("b", "pending"))
    ]

    text = written([*spans, *calls])

    assert "wall time      0.40 s" in text
    assert "critical path  tools 0.30 s, model 0.10 s" in text
    assert "model calls    1: 1,000 tokens in, 50 out, $0.0020" in text
    assert "tool calls     2: 0.60 s in sum, 1 waiting for approval" in text


def test_the_footer_tells_a_sum_that_leaves_calls_without_a_price_out() -> None:
    """A cost that is not the whole cost says so."""
    priced = model("one", below=None, input_tokens=1, output_tokens=1, micro_usd=20_000)
    unpriced = model("two", below=None, input_tokens=1, output_tokens=1, micro_usd=None)

    assert "2: 2 tokens in, 2 out, $0.020 and 1 call unpriced" in written([priced, unpriced])


def test_the_footer_has_errors_in_full_and_an_error_of_the_run_itself() -> None:
    """What was cut in a line of the waterfall can be read below it."""
    long = f"no order {'9' * 150}"
    text = written([span("run", 0, 400, status=SpanStatus.ERROR, error=long)], error="ValueError: of the run")

    assert "errors         ValueError: of the run" in text
    assert "9" * 150 in text.replace("\n", "").replace(" ", "")
