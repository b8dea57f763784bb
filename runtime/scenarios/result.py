"""The result of a scenario: the figures, and for a failure the least that shows it."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trunkline.runtime.scenarios.differences import differences
from trunkline.runtime.scenarios.sighting import FinalState, Played

SHOWN = 3
"""Faults and differences that are told; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """What came of all runs of a scenario. As a text it is what `trunkline scenario` says."""

    name: str
    path: Path
    runs: Sequence[Played]

    @property
    def ok(self) -> bool:
        """Whether every run went as expected, and all ended in the same state."""
        return not self.first_faults and len(self.states) == 1

    @property
    def states(self) -> Sequence[FinalState]:
        """The different final states, the most frequent first."""
        ends = {played.final.digest: played.final for played in self.runs}
        counted = Counter(played.final.digest for played in self.runs)
        return [ends[digest] for digest, _ in counted.most_common()]

    @property
    def first_faults(self) -> Sequence[str]:
        """What was not as expected in the first run that had faults, its seed before each."""
        faulty = next((played for played in self.runs if played.faults), None)
        return [f"seed {faulty.seed}: {fault}" for fault in faulty.faults] if faulty else []

    @property
    def turn_seconds(self) -> Sequence[float]:
        """How long each turn of each run took, in virtual time."""
        return [seconds for played in self.runs for seconds in played.turn_seconds] or [0.0]

    def figures(self) -> Mapping[str, Any]:
        """Return the figures, as `--json` writes them."""
        return {
            "scenario": self.name,
            "file": str(self.path),
            "ok": self.ok,
            "runs": len(self.runs),
            "faulty_runs": sum(bool(played.faults) for played in self.runs),
            "final_states": len(self.states),
            "turn_ms_median": round(statistics.median(self.turn_seconds) * 1000),
            "turn_ms_max": round(max(self.turn_seconds) * 1000),
            "faults": list(self.first_faults),
        }

    def lines(self) -> Iterator[str]:
        """Yield a line of figures, and below it what went wrong."""
        told, states = self.figures(), self.states
        ends = "1 final state" if len(states) == 1 else f"{len(states)} final states"
        times = f"turns {told['turn_ms_median']} ms median, {told['turn_ms_max']} ms at most"
        sign = "ok  " if self.ok else "FAIL"
        yield f"{sign} {self.name}: {told['runs']} runs, {told['faulty_runs']} with faults, {ends}; {times}"
        yield from _first(self.first_faults)
        if len(states) > 1:
            yield from _first([*differences(states[0], states[1])])

    def __str__(self) -> str:
        return "\n".join(self.lines())


def _first(lines: Sequence[str]) -> Iterator[str]:
    yield from (f"     {line}" for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"     and {len(lines) - SHOWN} more"
