"""Storms over worker processes, on both databases: `make chaos-queue RUNS=240 SEED=1` prints what came of them."""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from stand_ins.databases import postgres_database, postgres_server
from stand_ins.storm_of_runs import storm_of_runs
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.database import upgrade_database

console = Console(highlight=False)


def served(name: str, url: str, *, runs: int, seed: int, workers: int, strikes: list[str]) -> bool:
    """Let a storm go over a database; return whether every promise was kept."""
    asyncio.run(upgrade_database(url))
    with TemporaryDirectory() as folder:
        storm = storm_of_runs(url, Path(folder), runs=runs, workers=workers, strikes=strikes, seed=seed)
        aftermath = asyncio.run(storm)
    console.print(f"{name}: {aftermath}", soft_wrap=True)
    return not aftermath.broken and aftermath.runs == {RunStatus.SUCCEEDED: runs}


def main(runs: int, seed: int) -> int:
    """Print the verdicts; 1 where a promise was broken."""
    with TemporaryDirectory() as folder, postgres_server() as server, postgres_database(server) as postgres:
        kept = [
            served("PostgreSQL", postgres, runs=runs, seed=seed, workers=4, strikes=["kill", "freeze", "drain"]),
            served("SQLite", f"sqlite:///{folder}/line.db", runs=runs, seed=seed, workers=1, strikes=["kill"]),
        ]
    return int(not all(kept))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
