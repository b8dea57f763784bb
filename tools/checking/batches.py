"""Random batches with random latencies: what shows only when more than two calls meet."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import combinations
from random import Random

from trunkline.tools.access import predecessors
from trunkline.tools.checking.advice import missing_declaration
from trunkline.tools.checking.alone import Solo
from trunkline.tools.checking.difference import Difference
from trunkline.tools.checking.finding import Finding, FindingKind, written
from trunkline.tools.checking.stage import Stage

_SIZES = (3, 4, 5, 6)
_TRIES = 4
"""Latencies that are drawn for a batch."""

Pair = frozenset[str]
"""The names of two tools, or of one that meets itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomLatencies:
    """Latencies that follow from a seed."""

    seed: str

    def __call__(self, position: int, step: int) -> float:
        """Return the latency of a call before a step."""
        return Random(f"{self.seed}:{position}:{step}").random()


def drawn(solos: Sequence[Solo], seed: int, known: Set[Pair]) -> list[Solo]:
    """Return the batch of this seed, without pairs of tools that are known to disturb each other."""
    dice = Random(f"batch:{seed}")
    batch: list[Solo] = []
    for solo in dice.choices(solos, k=dice.choice(_SIZES)):
        if not any(pair_of(solo, other) in known for other in batch):
            batch.append(solo)
    return batch


def pair_of(one: Solo, other: Solo) -> Pair:
    """Return the names of the two calls' tools."""
    return frozenset({one.call.tool.name, other.call.tool.name})


async def disturbed(stage: Stage, batch: Sequence[Solo], seed: int) -> Difference | None:
    """Return where the batch, with latencies drawn from the seed, first ends otherwise than one by one; or None."""
    calls = [solo.call for solo in batch]
    expected = await stage.one_by_one(calls)
    for attempt in range(_TRIES):
        ending = await stage.side_by_side(calls, RandomLatencies(seed=f"{seed}:{attempt}"))
        if differing := expected.first_difference(ending):
            return differing
    return None


async def smallest(
    stage: Stage, batch: Sequence[Solo], seed: int, differing: Difference
) -> tuple[Sequence[Solo], Difference]:
    """Return what remains of a batch that ends otherwise when all that can be left out is, and where it differs."""
    position = 0
    while position < len(batch):
        rest = [*batch[:position], *batch[position + 1 :]]
        if found := await disturbed(stage, rest, seed):
            batch, differing = rest, found
        else:
            position += 1
    return batch, differing


def batch_matters(batch: Sequence[Solo], seed: int, differing: Difference, known: Sequence[str]) -> Finding:
    """Return the finding on a batch that ends otherwise; two of its calls that may run side by side are to blame."""
    free = _free_pairs(batch)
    blamed = [each for each in free if differing.answer_of in pair_of(*each)]
    pair = next(iter(blamed or free), batch)  # resources that depend on the state may leave none that is free at first
    return Finding(
        kind=FindingKind.ORDER_MATTERS,
        tools=tuple(dict.fromkeys(solo.call.tool.name for solo in pair)),
        calls=tuple(written(solo.call) for solo in batch),
        what=f"with latencies of seed {seed}, {differing}",
        fix=missing_declaration(pair, differing, known),
    )


def _free_pairs(batch: Sequence[Solo]) -> list[tuple[Solo, Solo]]:
    before = predecessors([solo.call.access for solo in batch])
    return [(batch[one], batch[other]) for one, other in combinations(range(len(batch)), 2) if one not in before[other]]
