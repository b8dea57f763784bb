"""Runs the "parallel" tasks of the Berkeley Function Calling Leaderboard under Trunkline, each in one turn.

A scripted model asks for the calls of the reference answer, all at once. A task passes when exactly those calls ran,
all of them at the same time, and each request got its own answer. Exit code 1 when a task fails, 3 without data.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from berkeley.measure import Figures, measure
from berkeley.tasks import ANSWERS, TASKS, load_parallel_tasks

DATA_VARIABLE = "TRUNKLINE_BFCL_DATA"
PACKAGES = ("langgraph", "langgraph-checkpoint", "langgraph-checkpoint-sqlite", "langchain-core", "pydantic")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit code."""
    asked = _parser().parse_args(argv)
    missing = [name for name in (TASKS, ANSWERS) if not (asked.data / name).is_file()]
    if missing:
        problem = (
            f"no {' and no '.join(missing)} in {asked.data}; name the folder of the leaderboard's data with --data"
        )
        print(f"{problem} or {DATA_VARIABLE}", file=sys.stderr)
        return 3
    figures = asyncio.run(measure(load_parallel_tasks(asked.data)))
    versions = {package: version(package) for package in PACKAGES}
    print(_as_json(figures, versions) if asked.json else _as_text(figures, versions))
    return 1 if figures.failures else 0


def default_data() -> Path:
    """Return the folder that the environment names, else the one beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data" / "bfcl"
    return Path(os.environ.get(DATA_VARIABLE) or beside)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bfcl.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data", type=Path, default=default_data(), help=f"folder of {TASKS} and {ANSWERS} (${DATA_VARIABLE})"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _as_json(figures: Figures, versions: dict[str, str]) -> str:
    return json.dumps({**asdict(figures), "versions": versions})


def _as_text(figures: Figures, versions: dict[str, str]) -> str:
    rows = {
        "passed": f"{figures.passed} of {figures.tasks}",
        "calls": f"{figures.requests} asked for, {figures.different} of them different within their turn",
        "runs": f"{figures.runs} of tools",
        "widest": f"{figures.widest} different calls at once",
        "versions": ", ".join(f"{package} {number}" for package, number in versions.items()),
    }
    lines = [f"{name:<12}{value}" for name, value in rows.items()]
    return "\n".join([*lines, *(f"failed      {failure}" for failure in figures.failures)])


if __name__ == "__main__":
    sys.exit(main())
