"""The critical path and the batches of a run, as properties over spans that any run might leave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trunkline.runtime.tracing.batches import batches
from trunkline.runtime.tracing.critical_path import CriticalPath, Share, critical_path
from trunkline.runtime.tracing.span import Span, SpanKind, SpanStatus
from trunkline.runtime.tracing.tree import SpanTree

START = datetime(2026, 11, 23, 9, tzinfo=UTC)


def span(name: str, began: int, ended: int, *, below: str | None = None, **attributes: Any) -> Span:
    """Make a span; times are milliseconds after `START`. It is a run, a tool call in a batch, else a step."""
    kind = SpanKind.STEP if below else SpanKind.RUN
    return Span(
        id=name,
        run_id="r-1",
        parent_id=below,
        name=name,
        kind=attributes.pop("kind", SpanKind.TOOL if "batch" in attributes else kind),
        status=SpanStatus.OK,
        error=None,
        started_at=START + timedelta(milliseconds=began),
        ended_at=START + timedelta(milliseconds=ended),
        attributes=attributes,
    )


@st.composite
def trees(draw: st.DrawFn) -> list[Span]:
    """Draw a run's spans: children may begin early, end late, wait, and have no length."""
    spans = [span("0", 0, draw(st.integers(0, 300)))]
    for number in range(1, draw(st.integers(1, 25))):
        below = str(draw(st.integers(0, number - 1)))
        began, length = draw(st.integers(-10, 300)), draw(st.integers(0, 200))
        kind = draw(st.sampled_from([SpanKind.STEP, SpanKind.MODEL, SpanKind.TOOL]))
        waited = draw(st.floats(0, 0.2))
        spans.append(span(str(number), began, began + length, below=below, kind=kind, waited=waited))
    return spans


def names(path: CriticalPath) -> list[str]:
    return [segment.span.name for segment in path.segments if segment.span and segment.share is not Share.OTHER]


@given(trees())
def test_the_critical_path_is_as_long_as_the_run_and_never_longer(spans: list[Span]) -> None:
    """Its segments follow one another from the run's start to its end, without a gap and without an overlap."""
    path = critical_path(SpanTree(spans))

    run = spans[0]
    assert abs(path.seconds - run.seconds) < 1e-6
    assert all(first.ended_at == second.started_at for first, second in pairwise(path.segments))
    assert all(run.started_at <= each.started_at < each.ended_at <= run.ended_at for each in path.segments)


@given(trees())
def test_each_segment_lies_within_its_span(spans: list[Span]) -> None:
    """No span answers for time in which it did not run."""
    for segment in critical_path(SpanTree(spans)).segments:
        assert segment.span
        assert segment.span.started_at <= segment.started_at < segment.ended_at <= segment.span.ended_at


@given(trees())
def test_the_shares_of_the_path_add_up_to_it(spans: list[Span]) -> None:
    """What went to models, tools, steps and the rest is the whole path."""
    path = critical_path(SpanTree(spans))

    assert abs(sum(path.composition.values()) - path.seconds) < 1e-6


@given(st.lists(st.integers(1, 500), min_size=1, max_size=20))
def test_among_calls_that_start_together_the_slowest_is_on_the_path(lengths: list[int]) -> None:
    """It alone determines when they are done."""
    calls = [span(str(number), 0, length, below="run", batch="b") for number, length in enumerate(lengths)]

    path = critical_path(SpanTree([span("run", 0, max(lengths)), *calls]))

    assert [lengths[int(name)] for name in names(path)] == [max(lengths)]


def test_a_call_that_waited_for_a_slot_is_preceded_by_the_one_that_freed_it() -> None:
    """Also when that one ended a little later, because its result was put on record after its slot was free."""
    calls = [
        span("asked", 0, 10, below="run", kind=SpanKind.MODEL),
        span("holder", 10, 105, below="run", batch="b", waited=0.0),
        span("brief", 10, 20, below="run", batch="b", waited=0.0),
        span("waiter", 100, 200, below="run", batch="b", waited=0.09),
    ]

    assert names(critical_path(SpanTree([span("run", 0, 200), *calls]))) == ["asked", "holder", "waiter"]


def test_a_tool_that_calls_a_model_shares_its_time_with_it() -> None:
    """The path goes down into the model, and what is left is the tool's own."""
    spans = [
        span("run", 0, 100),
        span("tool", 0, 100, below="run", kind=SpanKind.TOOL),
        span("model", 20, 90, below="tool", kind=SpanKind.MODEL),
    ]

    assert critical_path(SpanTree(spans)).composition == {Share.MODEL: 0.07, Share.TOOLS: 0.03}


def test_parallel_steps_do_not_mix_their_calls() -> None:
    """The path stays in the step that ended last, even where a call of the other one fits better."""
    spans = [
        span("run", 0, 100),
        span("slow", 0, 100, below="run"),
        span("slow call", 50, 100, below="slow", batch="b"),
        span("quick", 0, 50, below="run"),
        span("quick call", 0, 50, below="quick", batch="b"),
    ]

    assert names(critical_path(SpanTree(spans))) == ["slow call"]


def test_no_spans_have_no_path() -> None:
    """A run that has only begun is no error."""
    assert critical_path(SpanTree([])).segments == ()


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 300)), min_size=2, max_size=15))
def test_a_batch_in_which_some_call_always_runs_takes_no_longer_than_its_calls_in_sum(
    calls: list[tuple[int, int]],
) -> None:
    """And no less than its longest call: what was saved lies between nothing and the rest."""
    spans: list[Span] = []
    until = 0
    for number, (overlap, length) in enumerate(calls):
        began = max(until - overlap, 0)
        spans.append(span(str(number), began, began + length, below="run", batch="b"))
        until = max(until, began + length)

    (batch,) = batches(spans)

    longest = max(call.seconds for call in batch.calls)
    assert longest <= batch.seconds + 1e-9
    assert batch.seconds <= batch.one_by_one + 1e-9
    assert abs(batch.saved - (batch.one_by_one - batch.seconds)) < 1e-9


@given(trees())
def test_every_call_of_a_batch_is_in_it_once(spans: list[Span]) -> None:
    """Single calls, and calls that nobody asked for together, make no batch."""
    calls = [span(f"c{number}", 0, 5, below="0", batch=f"b{number // 2}") for number in range(5)]

    found = batches([*spans, *calls])

    assert [[call.name for call in batch.calls] for batch in found] == [["c0", "c1"], ["c2", "c3"]]
