"""What the benchmark tells: a table for each case, and how it stands against the aims."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

from peers.contenders import BARE, BULK, LANGCHAIN_SQLITE, TRUNKLINE_SQLITE
from peers.turn import Case, Taken

Results = Mapping[str, list[Taken]]
"""The turns of each contender."""


def calls_ms(taken: list[Taken]) -> float:
    """Return the median of what the calls took, in milliseconds."""
    return statistics.median(took.calls for took in taken) * 1000


def turn_ms(taken: list[Taken]) -> float:
    """Return the median of what the whole turns took, in milliseconds."""
    return statistics.median(took.turn for took in taken) * 1000


def table(case: Case, results: Results) -> str:
    """Return the figures of one case, the quickest calls first."""
    floor = calls_ms(results[BARE])
    rounds = len(results[BARE])
    lines = [f"{case.title}; medians of {rounds}", f"  {'':42}{'calls':>11}{'x gather':>10}{'best':>11}{'turn':>11}"]
    for name, taken in sorted(results.items(), key=lambda item: calls_ms(item[1])):
        median, best = calls_ms(taken), min(took.calls for took in taken) * 1000
        lines.append(f"  {name:42}{median:8.1f} ms{median / floor:10.2f}{best:8.1f} ms{turn_ms(taken):8.1f} ms")
    return "\n".join(lines)


def aims(name: str, results: Results) -> list[str]:
    """Return how Trunkline on SQLite stands in this case against the aims: its calls, and its whole turn as well."""
    judge = _AIMS.get(name)
    if judge is None:
        return []
    measures = {"calls": calls_ms, "turn": turn_ms}
    return [line for what, measure in measures.items() for line in judge(what, measure, results)]


Measure = Callable[[list[Taken]], float]


def _within(limit: float) -> Callable[[str, Measure, Results], list[str]]:
    def judge(what: str, measure: Measure, results: Results) -> list[str]:
        ours = measure(results[TRUNKLINE_SQLITE])
        return [_verdict(f"{what}: {ours:.1f} ms, aim {limit}", reached=ours <= limit)]

    return judge


def _recorded(what: str, measure: Measure, results: Results) -> list[str]:
    ours = measure(results[TRUNKLINE_SQLITE])
    faster, slower = measure(results[LANGCHAIN_SQLITE]) / ours, ours / measure(results[BULK])
    return [
        _verdict(f"{what}: {faster:.1f} times as fast as {LANGCHAIN_SQLITE}, aim at least 10", reached=faster >= 10),
        _verdict(f"{what}: {slower:.1f} times as long as {BULK}, aim at most 3", reached=slower <= 3),
    ]


def _verdict(said: str, *, reached: bool) -> str:
    return f"  {'reached' if reached else 'missed '}  {TRUNKLINE_SQLITE}, {said}"


_AIMS = {"16": _within(110), "16-blocking": _within(120), "1000-instant": _recorded}
