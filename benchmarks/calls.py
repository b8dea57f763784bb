"""The calls of one turn: Trunkline beside LangChain, pydantic-ai, openai-agents and `asyncio.gather`, in the same run.

Run it with `make bench-calls`. Every contender serves the same turn of a scripted model: it asks for all calls at once,
hears their results, and answers. `calls` is the time from the moment the model has asked until it is asked again, with
the results; `turn` is all of it. What has no model is timed around its calls. The contenders take turns within each
round, so that noise on the machine meets all alike; figures are medians.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
from contextlib import AsyncExitStack
from importlib.metadata import version

from peers.contenders import ELSEWHERE, HERE
from peers.databases import Databases, open_databases
from peers.elsewhere import PYTHON, turn_elsewhere
from peers.report import Results, aims, table
from peers.turn import Case, Taken

CASES = {
    "1": Case(calls=1, seconds=0.1),
    "16": Case(calls=16, seconds=0.1),
    "16-blocking": Case(calls=16, seconds=0.1, blocking=True),
    "100": Case(calls=100, seconds=0.1),
    "1000": Case(calls=1000, seconds=0.1),
    "1000-instant": Case(calls=1000, seconds=0.0),
}
PACKAGES = (
    "langchain",
    "langchain-core",
    "langgraph",
    "langgraph-checkpoint-sqlite",
    "langgraph-checkpoint-postgres",
)


async def measure(case: Case, rounds: int, databases: Databases, versions: dict[str, str]) -> Results:
    """Return what each contender's turns took, after one turn to warm up. The peers' versions go into `versions`."""
    async with AsyncExitStack() as stack:
        turns = {name: await opener(stack, case, databases) for name, opener in HERE.items()}
        for name, module in ELSEWHERE.items():
            turns[name] = await turn_elsewhere(stack, case, module, versions)
        taken: dict[str, list[Taken]] = {name: [] for name in turns}
        for number in range(rounds + 1):
            for name, turn in turns.items():
                gc.collect()
                took = await turn()
                if took.answered != case.calls:
                    problem = f"{name} gave {took.answered} of {case.calls} results"
                    raise RuntimeError(problem)
                if number:
                    taken[name].append(took)
    return taken


def main() -> int:
    """Measure the cases and print their tables. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="calls.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10, help="rounds of each case (default 10)")
    parser.add_argument("--case", action="append", choices=list(CASES), help="only this case; may be repeated")
    asked = parser.parse_args()
    if not PYTHON.exists():
        print(f"there is no {PYTHON}, where two of the peers live; run 'make bench-calls'", file=sys.stderr)
        return 3
    versions = {package: version(package) for package in PACKAGES}
    with open_databases() as databases:
        versions["PostgreSQL"] = databases.version()
        for name in asked.case or CASES:
            results = asyncio.run(measure(CASES[name], asked.rounds, databases, versions))
            print("\n".join([table(CASES[name], results), *aims(name, results), ""]), flush=True)
    print(", ".join(f"{package} {number}" for package, number in versions.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
