"""The measurement with crashes: every task on every seed is killed once and goes on, against one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL
from tempfile import TemporaryDirectory

from retail.crash import CrashSite, Recovery
from retail.desk import Desk
from retail.door import Blow
from retail.pace import LogNormalDelay
from retail.records import Records
from retail.replay import Replay, one_by_one
from retail.tasks import Task, load_tasks


@dataclass(slots=True, kw_only=True)
class RecoveryFigures:
    """What the benchmark counts, summed over its runs. A run is one task on one seed, in two processes."""

    tasks: int
    seeds: int
    runs: int = 0
    passed: int = 0
    """Runs that were killed, ended with the same shop and answers as one by one, did nothing twice, and asked for
    nothing again that was on record."""

    killed: int = 0
    began_again: int = 0
    """Runs whose second process found nothing to go on from: they were killed before the first checkpoint."""

    calls: int = 0
    recorded: int = 0
    """Calls whose end was on record when their process was killed."""

    recorded_asked_again: int = 0

    answered: int = 0
    """Calls that the back end had answered when their process was killed."""

    answered_asked_again: int = 0
    """Those of them that the second process asked for again: the answer was not on record yet."""

    reads_asked_again: int = 0
    effects_asked_again: int = 0
    """Under the key of the first time."""

    effects: int = 0
    effects_twice: int = 0
    """Effects that took place beyond those of one by one."""

    seconds: float = 0.0
    """From the start of the first process to the end of the second."""

    failures: list[str] = field(default_factory=list[str])
    """Which runs did not pass, and what was different."""

    def add(self, task: Task, seed: int, *, blow: Blow, due: int, reference: Replay, recovery: Recovery) -> None:
        """Count one run, in which so many effects were due."""
        differences = list(_differences(task, due, reference, recovery))
        backend, again, answered = recovery.backend, recovery.backend.asked_again, recovery.door.answered_at_blow
        self.runs += 1
        self.passed += not differences
        self.killed += answered is not None
        self.began_again += recovery.began_again
        self.calls += len(task.actions)
        self.recorded += len(recovery.recorded)
        self.recorded_asked_again += sum(request.call_id in recovery.recorded for request in again)
        self.answered += len(answered or ())
        self.answered_asked_again += sum(request.call_id in (answered or ()) for request in again)
        self.reads_asked_again += sum(request.key is None for request in again)
        self.effects_asked_again += sum(request.key is not None for request in again)
        self.effects += backend.effects
        self.effects_twice += max(0, backend.effects - due)
        self.seconds += recovery.replay.turn_seconds
        where = f"task {task.task_id} seed {seed} killed when request {blow.request} {blow.moment}"
        self.failures.extend(f"{where}: {difference}" for difference in differences)


def _differences(task: Task, due: int, reference: Replay, recovery: Recovery) -> Iterator[str]:
    yield from recovery.replay.differences(reference, task)
    if recovery.door.answered_at_blow is None or recovery.exits != (-SIGKILL, 0):
        yield f"the exit codes were {recovery.exits}: the first process should be killed by the blow, the second end"
    if again := [request for request in recovery.backend.asked_again if request.call_id in recovery.recorded]:
        yield f"it asked again for what was on record: {again}"
    if recovery.backend.effects != due:
        yield f"{recovery.backend.effects} effects took place instead of {due}"


async def measure_recoveries(folder: Path, seeds: Sequence[int], *, median: float = 0.005) -> RecoveryFigures:
    """Run the tasks, one at a time, with latencies as in `measure`."""
    records, tasks = Records.load(folder), load_tasks(folder)
    figures = RecoveryFigures(tasks=len(tasks), seeds=len(seeds))
    with TemporaryDirectory(prefix="trunkline-tau2-") as scratch:
        for seed in seeds:
            desk = Desk(records, LogNormalDelay(seed, median=median, cap=8 * median))
            site = CrashSite(desk, Path(scratch))
            for task in tasks:
                reference, blow = await one_by_one(desk, task), Blow.drawn(task, seed)
                recovery = await site.serve(task, blow, tenant=f"seed-{seed}-task-{task.task_id}")
                due = _effects(desk, task, reference)
                figures.add(task, seed, blow=blow, due=due, reference=reference, recovery=recovery)
    return figures


def _effects(desk: Desk, task: Task, reference: Replay) -> int:
    """Return how many effects took place."""
    reads = [tool.name for tool in desk.toolbox if tool.effect.is_read]
    pairs = zip(task.actions, reference.answers, strict=True)
    return sum(action.name not in reads and not answer.refused for action, answer in pairs)
