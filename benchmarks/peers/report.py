"""What the benchmark tells: a table for each case, and how it stands against the aims."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

from peers.contenders import BARE, BULK, EXECUTOR_SQLITE, LANGCHAIN_SQLITE, TRUNKLINE_SQLITE
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
    """Return how Trunkline on SQLite stands against the aims of this case.

    Held to them are a run's calls, its whole turn, and the executor alone, which is the like of a bare gather.
    """
    judge = _AIMS.get(name)
    if judge is None:
        return []
    held = (
        (TRUNKLINE_SQLITE, "calls", calls_ms),
        (TRUNKLINE_SQLITE, "turn", turn_ms),
        (EXECUTOR_SQLITE, "calls", calls_ms),
    )
    return [
        f"  {'reached' if reached else 'missed '}  {who}, {what}: {said}"
        for who, what, measure in held
        for said, reached in judge({contender: measure(taken) for contender, taken in results.items()}, who)
    ]


Judge = Callable[[Mapping[str, float], str], list[tuple[str, bool]]]
"""From everybody's milliseconds and a name to what is said of it, and whether it reached its aim."""


def _within(limit: float) -> Judge:
    return lambda taken, who: [(f"{taken[who]:.1f} ms, aim {limit:g}", taken[who] <= limit)]


def _recorded(taken: Mapping[str, float], who: str) -> list[tuple[str, bool]]:
    faster, longer = taken[LANGCHAIN_SQLITE] / taken[who], taken[who] / taken[BULK]
    return [
        (f"{faster:.1f} times as fast as {LANGCHAIN_SQLITE}, aim at least 10", faster >= 10),
        (f"{longer:.1f} times as long as {BULK}, aim at most 3", longer <= 3),
    ]


_AIMS: dict[str, Judge] = {"16": _within(110), "16-blocking": _within(120), "1000-instant": _recorded}
