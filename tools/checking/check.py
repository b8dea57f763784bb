"""Checks what the tools of a toolbox declare against what they do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trunkline.tools.checking.advice import names_of
from trunkline.tools.checking.alone import Solo, fault_of, fault_of_key, run_alone, shared_keys
from trunkline.tools.checking.batches import batch_matters, disturbed, drawn, pair_of, smallest
from trunkline.tools.checking.finding import Finding, FindingKind, Report
from trunkline.tools.checking.pairs import disturbance, free_pairs, order_matters
from trunkline.tools.checking.stage import Stage
from trunkline.tools.checking.subject import World
from trunkline.tools.checking.width import too_wide, untried

DEFAULT_SEEDS = 100

_HINTS = {FindingKind.KEY_ANSWERS, FindingKind.KEY_REFUSES}


async def check_effects(world: World, *, seeds: int = DEFAULT_SEEDS) -> Report:
    """Run the calls of a subject alone, in pairs and in `seeds` random batches, and report wrong declarations.

    Each run is on a fresh world; what was declared is wrong where calls that may run side by side can end otherwise
    than one by one in the model's order. Approvals and limits are left out: each call runs. The same world and seeds
    give the same report. Only what the calls do is checked: no finding is no proof.

    Raises `SubjectError` where the world makes no subject, or one with a call that cannot be made.
    """
    async with Stage(world) as stage:
        check = _Check(stage)
        await check.alone()
        await check.in_pairs()
        await check.in_batches(seeds)
        await check.width()
        return check.report(seeds)


class _Check:
    """One check as it goes on."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._solos: list[Solo] = []
        """The calls that can be tried beside others."""

        self._found: list[Finding] = []
        self._hints: list[Finding] = []
        self._disturbing: set[frozenset[str]] = set()
        self._pairs = 0

    async def alone(self) -> None:
        tried: list[Solo] = []
        for call in self._stage.calls:
            solo = await run_alone(self._stage, call)
            tried.append(solo)
            if fault := await fault_of(self._stage, solo):
                self._found.append(fault)
            else:
                self._solos.append(solo)
                self._note(await fault_of_key(self._stage, solo))
        self._note(*shared_keys(self._solos))
        self._hints.extend(untried(self._stage.tools, tried))
        slowest = max((result.seconds for solo in self._solos for result in solo.ending.results), default=0.0)
        self._stage.patience += 3 * slowest

    async def in_pairs(self) -> None:
        for pair in free_pairs(self._solos):
            if pair_of(*pair) in self._disturbing:
                continue
            self._pairs += 1
            if found := await disturbance(self._stage, pair):
                self._disturbing.add(pair_of(*pair))
                self._found.append(order_matters(pair, *found, names_of(self._solos)))

    async def in_batches(self, seeds: int) -> None:
        for seed in range(seeds if self._solos else 0):
            batch = drawn(self._solos, seed, self._disturbing)
            if len(batch) > 1 and (differing := await disturbed(self._stage, batch, seed)):
                rest, differing = await smallest(self._stage, batch, seed, differing)
                finding = batch_matters(rest, seed, differing, names_of(self._solos))
                self._disturbing.add(frozenset(finding.tools))
                self._found.append(finding)

    async def width(self) -> None:
        for tool in self._stage.tools:
            if hint := await too_wide(self._stage, tool, self._solos):
                self._hints.append(hint)

    def report(self, batches: int) -> Report:
        return Report(
            findings=_each_once(self._found),
            hints=_each_once(self._hints),
            tools=len(self._stage.tools),
            calls=len(self._stage.calls),
            pairs=self._pairs,
            batches=batches,
            runs=self._stage.runs,
        )

    def _note(self, *findings: Finding | None) -> None:
        for finding in findings:
            if finding is not None:
                (self._hints if finding.kind in _HINTS else self._found).append(finding)


def _each_once(findings: Iterable[Finding]) -> Sequence[Finding]:
    """One example is enough for each kind of fault of the same tools."""
    first: dict[tuple[FindingKind, frozenset[str]], Finding] = {}
    for finding in findings:
        first.setdefault((finding.kind, frozenset(finding.tools)), finding)
    return list(first.values())
