"""The measurement: every task on every seed under Trunkline, against one by one, with a free order as the control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from retail.pace import LogNormalDelay
from retail.replay import all_at_once, one_by_one, under_trunkline
from retail.shop import Shop
from retail.tasks import Task, load_tasks
from trunkline import Trunkline


@dataclass(slots=True, kw_only=True)
class Figures:
    """What the benchmark counts, summed over its runs. A run is one task on one seed."""

    tasks: int
    seeds: int
    runs: int = 0
    passed: int = 0
    """Runs under Trunkline that ended with the same shop and the same answers as one by one."""

    calls: int = 0
    one_by_one_seconds: float = 0.0
    trunkline_seconds: float = 0.0
    """Wall time of the tool phases."""

    corrupted_by_free_order: int = 0
    """Runs of the control that ended with another shop or other answers than one by one."""

    failures: list[str] = field(default_factory=list[str])
    """Which runs did not pass, and what was different."""

    @property
    def speedup(self) -> float:
        """How many times as long as under Trunkline the tool phases take one by one."""
        return self.one_by_one_seconds / self.trunkline_seconds if self.trunkline_seconds else 1.0


async def measure(folder: Path, seeds: Sequence[int], *, median: float = 0.005, cap: float = 0.040) -> Figures:
    """Run the tasks, one at a time. Their latencies have this median and this cap, in seconds."""
    shop, tasks = Shop.load(folder), load_tasks(folder)
    figures = Figures(tasks=len(tasks), seeds=len(seeds))
    with TemporaryDirectory(prefix="trunkline-tau2-") as scratch:
        for seed in seeds:
            delay = LogNormalDelay(seed, median=median, cap=cap)
            for task in tasks:
                await _run(figures, shop, task, seed, delay, database=f"sqlite:///{scratch}/tau2.db")
    return figures


async def _run(figures: Figures, shop: Shop, task: Task, seed: int, delay: LogNormalDelay, *, database: str) -> None:
    label = f"task {task.task_id} seed {seed}"
    reference = await one_by_one(shop, task, delay)
    control = await all_at_once(shop, task, delay)
    # A tenant for each run: a key of one run must not find the effect of another, which happened to another shop.
    async with Trunkline(database, tenant=label) as line:
        replay = await under_trunkline(line, shop, task, delay, thread=label)
    differences = list(replay.differences(reference, task))
    figures.runs += 1
    figures.passed += not differences
    figures.calls += len(task.actions)
    figures.one_by_one_seconds += reference.seconds
    figures.trunkline_seconds += replay.seconds
    figures.corrupted_by_free_order += any(control.differences(reference, task))
    figures.failures.extend(f"{label}: {difference}" for difference in differences)
