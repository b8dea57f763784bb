"""The queue: Trunkline beside procrastinate and DBOS on PostgreSQL, in one run. Run it with `make bench-queue`.

Every contender has a database of its own on one server (as it comes, with fsync), and processes of its own. A job notes
when it begins, on the clock that all processes share.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from typing import TypeVar

from peers.databases import Databases, open_databases
from queues.contenders import (
    CHECKPOINTED,
    CONTENDERS,
    ELSEWHERE,
    LEASE,
    PROCRASTINATE,
    RECOVERIES,
    SLOTS,
    TRUNKLINE,
    Contender,
)
from queues.measuring import Drained, drained, recovered, start_times
from queues.processes import Site, site

Result = TypeVar("Result")
WAIT_SECONDS = 15.0
MEASUREMENTS = ("start", "drain", "recover", "wait")


class Benchmark:
    """Measures one thing after the other, each contender on a database of its own, and prints tables."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self.versions: dict[str, str] = {}

    def starts(self, jobs: int) -> None:
        """Print how long jobs wait for their start on an idle queue."""
        print(f"submit to start, ms, of {jobs} jobs on an idle queue, one worker")
        print(f"{'':24}{'p50':>9}{'p95':>9}{'x ours':>9}")
        taken = {each.title: self._of(each, lambda here: start_times(here, jobs)) for each in CONTENDERS}
        ours = statistics.median(taken[TRUNKLINE.title])
        for title, times in taken.items():
            middle, late = statistics.median(times), statistics.quantiles(times, n=20)[-1]
            print(f"  {title:22}{middle:9.1f}{late:9.1f}{middle / ours:9.2f}")
        _aim(f"p50 {ours:.1f} ms, aim under 15", reached=ours < 15)
        theirs = statistics.median(taken[PROCRASTINATE.title])
        _aim(f"{ours / theirs:.2f} of procrastinate's p50, aim at most 1", reached=ours <= theirs)

    def drain(self, jobs: int, workers: int, rounds: int) -> None:
        """Print how fast a full queue is drained."""
        head = f"{'runs/s':>9}{'x ours':>9}{'CPU ms a run':>15}{'commits a run':>15}"
        print(f"\n{jobs} jobs drained by {workers} worker(s) of {SLOTS} slots; best of {rounds}\n{'':24}{head}")
        best: dict[str, Drained] = {}
        for _ in range(rounds):
            for each in CONTENDERS:
                one = self._of(each, lambda here: drained(here, jobs, workers))
                best[each.title] = max(best.get(each.title, one), one, key=lambda found: found.a_second)
        ours = best[TRUNKLINE.title].a_second
        for title, one in best.items():
            print(f"  {title:22}{one.a_second:9.1f}{one.a_second / ours:9.2f}{one.cpu_ms:15.1f}{one.commits:15.1f}")
        checkpointed = best[CHECKPOINTED.title].a_second
        _aim(
            f"{ours / checkpointed:.2f} of procrastinate with LangGraph's saver, aim at least 1",
            reached=ours >= checkpointed,
        )
        fastest = max(one.a_second for title, one in best.items() if title != TRUNKLINE.title)
        _aim(f"{ours / fastest:.2f} of the fastest peer, aim at least 1", reached=ours >= fastest)

    def recover(self) -> None:
        """Print how long a job waits for another worker after its own was killed."""
        print(f"\nkill -9 of the worker that runs a job: until it is begun again\n{'':44}{'seconds':>9}")
        for each in RECOVERIES:
            took = self._of(
                each.contender,
                lambda here, how=each: recovered(here, restart=how.restart, elsewhere=how.elsewhere),
            )
            print(f"  {each.title:42}{took:9.1f}")
            if each.contender.ours:
                _aim(f"aim one lease, {LEASE:g} s", reached=took <= LEASE)

    def wait(self, runs: int) -> None:
        """Print what it costs a process that many runs are waited for in it."""
        found = self._of(TRUNKLINE, lambda here: here.ask("wait", runs=runs, seconds=WAIT_SECONDS))
        print(f"\n{runs} runs wait in one process, which is a worker too")
        print(f"  queued {found['queued']:.1%} of a CPU; waited for {found['waited']:.1%} of a CPU")
        print(f"  {found['memory']:.0f} MB, of which {found['bare']:.0f} MB before any run")
        _aim(f"{found['memory']:.0f} MB, aim under 150", reached=found["memory"] < 150)
        _aim(f"{found['waited']:.1%} of a CPU, aim under 2 %", reached=found["waited"] < 0.02)

    def _of(self, contender: Contender, measure: Callable[[Site], Result]) -> Result:
        with site(contender, self._databases) as here:
            self.versions.update(here.versions)
            return measure(here)


def _aim(said: str, *, reached: bool) -> None:
    print(f"  {'reached' if reached else 'missed '}  {said}")


def main() -> int:
    """Measure, and print the tables. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="run_queue.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, help="only this; may be repeated")
    parser.add_argument("--jobs", type=int, default=1000, help="jobs in a full queue (default 1000)")
    parser.add_argument("--starts", type=int, default=100, help="jobs submitted to an idle queue (default 100)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each drain (default 3)")
    parser.add_argument("--waits", type=int, default=5000, help="runs that are waited for (default 5000)")
    asked = parser.parse_args()
    if not ELSEWHERE.exists():
        print(f"there is no {ELSEWHERE}, where the peers live; run 'make bench-queue'", file=sys.stderr)
        return 3
    wanted = asked.only or MEASUREMENTS
    with open_databases() as databases:
        benchmark = Benchmark(databases)
        if "start" in wanted:
            benchmark.starts(asked.starts)
        if "drain" in wanted:
            for workers in (1, 4):
                benchmark.drain(asked.jobs, workers, asked.rounds)
        if "recover" in wanted:
            benchmark.recover()
        if "wait" in wanted:
            benchmark.wait(asked.waits)
        print()
        for each in CONTENDERS:
            print(f"{each.title}: {each.settings}")
        versions = {**benchmark.versions, "PostgreSQL": databases.version()}
    print(", ".join(f"{package} {number}" for package, number in sorted(versions.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
