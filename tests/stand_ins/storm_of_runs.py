"""Runs of six steps with effects, served in a storm, and the verdict on what came of them."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from stand_ins.six_steps import FOLDER, STEPS, Outside
from stand_ins.storm import Storm, StormyWorker
from trunkline import Trunkline
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.database import open_database
from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.queue.crashing import ALONE_AFTER
from trunkline.runtime.storage.tables import RunRow
from trunkline.runtime.storage.url import parse_url
from trunkline.tools.call import CallState

LEASE = 2.0
HURT = select(func.count()).where(RunRow.crashes >= ALONE_AFTER, RunRow.status.in_(["queued", "running"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """What came of the runs."""

    runs: Counter[RunStatus]
    broken: Sequence[str]
    """The promises that were broken."""

    unknown: int
    """Letters of which nobody knows whether they were sent, each on record as such."""

    asked_again: int
    """Payments that were asked for again with their key, and made once."""

    refused: int
    """Writes of workers that had lost their lease, each refused."""

    struck: Counter[str]

    def __str__(self) -> str:
        struck = ", ".join(f"{count} {name}" for name, count in sorted(self.struck.items()))
        return (
            f"{dict(self.runs)} after {struck}; {self.asked_again} payments asked again and made once, "
            f"{self.unknown} letters unknown, {self.refused} stale writes refused; "
            f"broken: {list(self.broken) or 'none'}"
        )


async def storm_of_runs(
    url: str, folder: Path, *, runs: int, workers: int, strikes: Sequence[str], every: int = 12, seed: int = 1
) -> Aftermath:
    """Let workers serve runs in a storm: one strike for `every` so many that are over, until nine in ten are.

    A run that was struck so often that a process of its own serves it is left in peace: struck ten times it would be
    given up, as it must be.
    """
    environment = {FOLDER: str(folder)}
    options = ["--database", url, "--graph", "six_steps=stand_ins.six_steps:graph", "--concurrency", "6"]
    options += ["--lease", str(LEASE), "--drain-grace", "5"]
    tests = str(Path(__file__).parents[1])
    environment["PYTHONPATH"] = f"{tests}:{os.environ.get('PYTHONPATH', '')}"
    async with (
        Trunkline(url, graphs={"six_steps": "stand_ins.six_steps:graph"}) as line,
        open_database(url, tenant="") as database,
    ):
        engine = open_engine(parse_url(url))
        names = [f"r{number}" for number in range(runs)]
        ids = [await line.submit("six_steps", {"run": name, "made": []}, thread=name, key=name) for name in names]
        crew = [StormyWorker(options, environment, log=folder / f"worker-{number}.log") for number in range(workers)]
        storm = Storm(crew, strikes=strikes, freeze=1.75 * LEASE, seed=seed)

        async def over() -> int | None:
            statuses = await database.runs.statuses("")
            async with engine.connect() as connection:
                hurt = await connection.scalar(HURT)
            return None if hurt else sum(count for status, count in statuses.items() if status.over)

        try:
            await storm.rage(over, every=every, until=round(0.9 * runs))
            for worker in crew:
                worker.replace_if_ended()
            ended = Counter([(await line.wait(run_id, within=120)).status for run_id in ids])
        finally:
            for worker in crew:
                worker.end()
            await engine.dispose()
        refused = sum(worker.refused for worker in await database.workers.all())
        broken, unknown = await _judged(line, Outside(folder), names)
        return Aftermath(
            runs=ended,
            broken=broken,
            unknown=unknown,
            asked_again=(asked := Outside(folder).counted("asked")).total() - len(asked),
            refused=refused,
            struck=storm.struck,
        )


async def _judged(line: Trunkline, outside: Outside, names: Sequence[str]) -> tuple[list[str], int]:
    """Hold the ledger to what was really done: return what is wrong, and how many letters are unknown."""
    calls = await line.calls()
    states = {f"{call.arguments['run']} {call.arguments['step']}": call.state for call in calls}
    paid, sent = outside.counted("paid"), outside.counted("sent")
    broken = [f"{deed} done {times} times" for deed, times in (paid + sent).items() if times > 1]
    deeds = [f"{name} {step}" for name in names for step in range(1, STEPS + 1)]
    for number, deed in enumerate(deeds):
        did, state = (sent if number % 2 else paid)[deed], states.get(deed)
        if (did, state) != (1, CallState.DONE) and not (number % 2 and state is CallState.UNKNOWN):
            broken.append(f"{deed} is {state} and was done {did} times")
    if len(calls) != len(deeds):
        broken.append(f"{len(calls)} calls for {len(deeds)} deeds")
    return broken, Counter(states.values())[CallState.UNKNOWN]
