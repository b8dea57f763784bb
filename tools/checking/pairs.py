"""Two calls that may run side by side: in the other order, and each in the middle of the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

from trunkline.tools.checking.advice import missing_declaration
from trunkline.tools.checking.alone import Solo
from trunkline.tools.checking.difference import Difference
from trunkline.tools.checking.finding import Finding, FindingKind, written
from trunkline.tools.checking.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """An order in which the steps of two calls are taken: one call is held before a step until the other has ended."""

    held: int
    """The position of the call that waits."""

    step: int

    def __call__(self, position: int, step: int) -> float:
        """Return the latency of a call before a step."""
        if position == self.held:
            return 2.0 if step == self.step else 0.0
        return 1.0 if step == 0 else 0.0

    def told(self, pair: Sequence[Solo]) -> str:
        """Return in words what happens."""
        held, other = pair[self.held].call.tool.name, pair[1 - self.held].call.tool.name
        first = "the second" if held == other else other
        if self.step == 0:
            return f"when {first} runs first"
        return f"when {first} runs between steps {self.step} and {self.step + 1} of {held}"


def free_pairs(solos: Sequence[Solo]) -> Iterator[tuple[Solo, Solo]]:
    """Return the pairs of calls that may run side by side, each call beside itself too, but not two reads."""
    for one, other in combinations_with_replacement(solos, 2):
        reads = one.call.tool.effect.is_read and other.call.tool.effect.is_read
        if not reads and not one.call.access.conflicts_with(other.call.access):
            yield one, other


async def disturbance(
    stage: Stage, pair: Sequence[Solo], *, freed: str | None = None
) -> tuple[Schedule, Difference] | None:
    """Return an order of steps in which the pair ends otherwise than one by one, and where; None if there is none.

    The other order of the calls in the batch leads to the same runs. `freed` is a tool whose declaration is ignored.
    """
    calls = [solo.call for solo in pair]
    expected = await stage.one_by_one(calls)
    for schedule in _schedules(pair):
        ending = await stage.side_by_side(calls, schedule, freed=freed)
        if differing := expected.first_difference(ending):
            return schedule, differing
    return None


def order_matters(pair: Sequence[Solo], schedule: Schedule, differing: Difference, known: Sequence[str]) -> Finding:
    """Return the finding on a pair that ends otherwise."""
    return Finding(
        kind=FindingKind.ORDER_MATTERS,
        tools=tuple(dict.fromkeys(solo.call.tool.name for solo in pair)),
        calls=tuple(written(solo.call) for solo in pair),
        what=f"{schedule.told(pair)}, {differing}",
        fix=missing_declaration(pair, differing, known),
    )


def _schedules(pair: Sequence[Solo]) -> Iterator[Schedule]:
    yield Schedule(held=0, step=0)
    for held, solo in enumerate(pair):
        for step in range(1, solo.steps):
            yield Schedule(held=held, step=step)
