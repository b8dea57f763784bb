"""The measurement: every task on every seed under Trunkline, against one by one, with a free order as the control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from retail.desk import Desk
from retail.pace import LogNormalDelay
from retail.records import Records
from retail.replay import Replay, all_at_once, one_by_one, under_trunkline
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
    tool_seconds: float = 0.0
    """From the first call of a turn to its last answer, taken in the shop, under Trunkline."""

    turn_seconds: float = 0.0
    """From the model's request to its results, with the ledger and the checkpoints."""

    corrupted_by_free_order: int = 0
    """Runs of the control that ended with another shop or other answers than one by one."""

    failures: list[str] = field(default_factory=list[str])
    """Which runs did not pass, and what was different."""

    @property
    def speedup(self) -> float:
        """How many times as long as under Trunkline the tools take one by one."""
        return self.one_by_one_seconds / self.tool_seconds if self.tool_seconds else 1.0

    def add(self, task: Task, seed: int, *, reference: Replay, control: Replay, replay: Replay) -> None:
        """Count one run."""
        differences = list(replay.differences(reference, task))
        self.runs += 1
        self.passed += not differences
        self.calls += len(task.actions)
        self.one_by_one_seconds += reference.tool_seconds
        self.tool_seconds += replay.tool_seconds
        self.turn_seconds += replay.turn_seconds
        self.corrupted_by_free_order += any(control.differences(reference, task))
        self.failures.extend(f"task {task.task_id} seed {seed}: {difference}" for difference in differences)


async def measure(folder: Path, seeds: Sequence[int], *, median: float = 0.005) -> Figures:
    """Run the tasks, one at a time. Their latencies have this median in seconds; none is over eight times as long."""
    records, tasks = Records.load(folder), load_tasks(folder)
    figures = Figures(tasks=len(tasks), seeds=len(seeds))
    with TemporaryDirectory(prefix="trunkline-tau2-") as scratch:
        for seed in seeds:
            desk = Desk(records, LogNormalDelay(seed, median=median, cap=8 * median))
            for task in tasks:
                reference, control = await one_by_one(desk, task), await all_at_once(desk, task)
                replay = await _under_trunkline(f"sqlite:///{scratch}/tau2.db", desk, task, seed)
                figures.add(task, seed, reference=reference, control=control, replay=replay)
    return figures


async def _under_trunkline(database: str, desk: Desk, task: Task, seed: int) -> Replay:
    # A tenant for each run: a key of one run must not find the effect of another, which happened to another shop.
    async with Trunkline(database, tenant=f"seed-{seed}-task-{task.task_id}") as line:
        return await under_trunkline(line, desk, task, thread="t1")
