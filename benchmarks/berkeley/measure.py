"""The measurement: every task once under Trunkline on SQLite, against the reference answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory

from berkeley.tasks import ParallelTask
from berkeley.turn import Turn, expected_calls, serve_turn
from trunkline import Trunkline


@dataclass(slots=True, kw_only=True)
class Figures:
    """What the benchmark counts, summed over the tasks."""

    tasks: int = 0
    passed: int = 0
    """Tasks whose turn ran exactly the reference calls, all at once, and gave each request its own answer."""

    requests: int = 0
    """Calls that the model asked for."""

    different: int = 0
    """Calls among them that differ from the others of their turn."""

    runs: int = 0
    """How often a tool ran."""

    widest: int = 0
    """The most calls that ran at once in a turn."""

    failures: list[str] = field(default_factory=list[str])
    """Which tasks did not pass, and why."""

    def add(self, task: ParallelTask, turn: Turn) -> None:
        """Count one task."""
        differences = list(turn.differences(task))
        self.tasks += 1
        self.passed += not differences
        self.requests += len(task.calls)
        self.different += len({each.identity for each in expected_calls(task)})
        self.runs += sum(turn.attended.values())
        self.widest = max(self.widest, turn.peak)
        self.failures.extend(f"{task.task_id}: {difference}" for difference in differences)


async def measure(tasks: Iterable[ParallelTask]) -> Figures:
    """Serve the tasks, one after another, each on a thread of its own."""
    figures = Figures()
    with TemporaryDirectory(prefix="trunkline-bfcl-") as scratch:
        async with Trunkline(f"sqlite:///{scratch}/bfcl.db") as line:
            for task in tasks:
                figures.add(task, await serve_turn(line, task))
    return figures
