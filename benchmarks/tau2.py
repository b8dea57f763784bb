"""Runs the customer cases of tau2-retail under Trunkline, each in one turn, and compares with one call after another.

A case passes on a seed when the shop ends the same and every call is answered the same as one by one. The control runs
the same calls in a free order and counts what that would have corrupted. With `--crash` each case is killed in the
middle of it and goes on in a second process. Exit code 1 when a case fails, 3 without data.
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

from retail.measure import Figures, measure
from retail.recoveries import RecoveryFigures, measure_recoveries

DATA_VARIABLE = "TRUNKLINE_TAU2_DATA"
PACKAGES = ("langgraph", "langgraph-checkpoint", "langgraph-checkpoint-sqlite", "langchain-core")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit code."""
    asked = _parser().parse_args(argv)
    missing = [name for name in ("db.json", "tasks.json") if not (asked.data / name).is_file()]
    if missing:
        problem = f"no {' and no '.join(missing)} in {asked.data}; name the folder of tau2-retail with --data"
        print(f"{problem} or {DATA_VARIABLE}", file=sys.stderr)
        return 3
    measured = measure_recoveries if asked.crash else measure
    figures = asyncio.run(measured(asked.data, range(asked.seeds), median=asked.median / 1000))
    versions = {package: version(package) for package in PACKAGES}
    print(_as_json(figures, versions) if asked.json else _as_text(figures, versions))
    return 1 if figures.failures else 0


def default_data() -> Path:
    """Return the folder that the environment names, else the one beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data" / "tau2_retail"
    return Path(os.environ.get(DATA_VARIABLE) or beside)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tau2.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data", type=Path, default=default_data(), help=f"folder of db.json and tasks.json (${DATA_VARIABLE})"
    )
    parser.add_argument("--seeds", type=_count, default=20, help="how many seeds of latencies (default 20)")
    parser.add_argument(
        "--median", type=_count, default=5, metavar="MS", help="median latency of a tool call (default 5)"
    )
    parser.add_argument(
        "--crash", action="store_true", help="kill the process of each case in the middle, and go on in another"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def _as_json(figures: Figures | RecoveryFigures, versions: dict[str, str]) -> str:
    speedup = {"speedup": round(figures.speedup, 2)} if isinstance(figures, Figures) else {}
    return json.dumps({**asdict(figures), **speedup, "versions": versions})


def _as_text(figures: Figures | RecoveryFigures, versions: dict[str, str]) -> str:
    rows = {
        "passed": f"{figures.passed} of {figures.runs} (tasks: {figures.tasks}, seeds: {figures.seeds})",
        "calls": f"{figures.calls}",
        **(_speed(figures) if isinstance(figures, Figures) else _recoveries(figures)),
        "versions": ", ".join(f"{package} {number}" for package, number in versions.items()),
    }
    lines = [f"{name:<12}{value}" for name, value in rows.items()]
    return "\n".join([*lines, *(f"failed      {failure}" for failure in figures.failures)])


def _speed(figures: Figures) -> dict[str, str]:
    return {
        "one by one": f"{figures.one_by_one_seconds:.2f} s from the first call of a task to the last answer",
        "Trunkline": f"{figures.tool_seconds:.2f} s, {figures.speedup:.2f} times as fast",
        "whole turn": f"{figures.turn_seconds:.2f} s, with the ledger and the checkpoints",
        "free order": f"corrupts {figures.corrupted_by_free_order} of {figures.runs}",
    }


def _recoveries(figures: RecoveryFigures) -> dict[str, str]:
    return {
        "killed": f"{figures.killed} of {figures.runs}, {figures.began_again} before the first checkpoint",
        "asked again": f"{figures.reads_asked_again} reads, {figures.effects_asked_again} effects under the same key",
        "on record": f"{figures.recorded} calls before the kill, {figures.recorded_asked_again} of them asked again",
        "answered": f"{figures.answered} calls before the kill, {figures.answered_asked_again} of them asked again",
        "effects": f"{figures.effects} took place, {figures.effects_twice} of them twice",
        "two lives": f"{figures.seconds:.2f} s, from the start of the first process to the end of the second",
    }


if __name__ == "__main__":
    sys.exit(main())
