"""Tells the result of a scenario in a few lines: the figures, and for a failure the least that shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, cast

from trunkline.runtime.scenarios.running import ScenarioResult
from trunkline.runtime.scenarios.sighting import FinalState

SHOWN = 3
"""Faults and differences that are told; the rest is counted."""


def figures(result: ScenarioResult) -> Mapping[str, Any]:
    """Return the figures of a result, as `--json` writes them."""
    return {
        "scenario": result.name,
        "file": str(result.path),
        "ok": result.ok,
        "runs": len(result.runs),
        "faulty_runs": result.faulty_runs,
        "final_states": len(result.states),
        "turn_ms_median": round(result.median_turn() * 1000),
        "turn_ms_max": round(result.slowest_turn() * 1000),
        "faults": list(result.first_faults),
    }


def lines_of(result: ScenarioResult) -> Iterator[str]:
    """Yield a line of figures, and below it what went wrong."""
    told = figures(result)
    sign = "ok  " if result.ok else "FAIL"
    states = "1 final state" if len(result.states) == 1 else f"{len(result.states)} final states"
    times = f"turns {told['turn_ms_median']} ms median, {told['turn_ms_max']} ms at most"
    yield f"{sign} {result.name}: {told['runs']} runs, {told['faulty_runs']} with faults, {states}; {times}"
    yield from _first([*result.first_faults])
    if len(result.states) > 1:
        yield from _first([*_differences(result.states[0], result.states[1])])


def _first(lines: list[str]) -> Iterator[str]:
    yield from (f"     {line}" for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"     and {len(lines) - SHOWN} more"


def _differences(one: FinalState, other: FinalState) -> Iterator[str]:
    for name, value in asdict(one).items():
        yield from _compared(name, value, asdict(other)[name])


def _compared(place: str, one: Any, other: Any) -> Iterator[str]:
    """Go down to the first things that differ."""
    match one, other:
        case dict(), dict():
            fields = cast("dict[str, Any]", one).keys() | cast("dict[str, Any]", other).keys()
            for name in sorted(fields):
                yield from _compared(f"{place}.{name}", one.get(name), other.get(name))
        case list(), list() if len(one) == len(other):
            for position, pair in enumerate(zip(one, other, strict=True)):
                yield from _compared(f"{place}[{position}]", *pair)
        case _ if one != other:
            yield f"{place}: in some runs {one!r}, in others {other!r}"
        case _:
            pass
