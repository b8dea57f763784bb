"""Kills turns at random moments, on both databases, and prints what came of it: `make chaos-calls KILLS=200 SEED=1`."""

import asyncio
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from stand_ins.databases import postgres_database, postgres_server
from stand_ins.killed_desk import World
from stand_ins.random_kills import Trial, trial
from stand_ins.thirty_calls import CALLS, killed_after_21
from trunkline.runtime.storage.database import upgrade_database

console = Console()


@contextmanager
def databases() -> Generator[dict[str, str]]:
    """Give the URL of an empty database of each kind."""
    with TemporaryDirectory() as folder, postgres_server() as server, postgres_database(server) as postgres:
        urls = {"SQLite": f"sqlite:///{folder}/line.db", "PostgreSQL": postgres}
        for url in urls.values():
            asyncio.run(upgrade_database(url))
        yield urls


async def trials(url: str, folder: Path, *, kills: int, seed: int) -> list[Trial]:
    """Run trials until so many kills are done."""
    dice, done = Random(seed), list[Trial]()
    while sum(len(each.moments) for each in done) < kills:
        done.append(await trial(url, folder, f"turn-{len(done)}", dice))
    return done


def verdicts(done: dict[str, list[Trial]]) -> Table:
    """Return the table of when the turns were killed, and which promises were broken."""
    table = Table("", *done, title="turns killed at random moments")
    for side in ("moments", "broken"):
        counts = [Counter(each for one in run for each in getattr(one, side)) for run in done.values()]
        for name in sorted(set[str]().union(*counts)):
            table.add_row(
                f"[red]{name}[/]" if side == "broken" else f"killed {name}", *(str(it[name]) for it in counts)
            )
        table.add_section()
    table.add_row("turns", *(str(len(run)) for run in done.values()))
    table.add_row("calls shown as unknown", *(str(sum(one.unknown for one in run)) for run in done.values()))
    table.add_row("promises broken", *(str(sum(len(one.broken) for one in run)) for run in done.values()))
    return table


async def costs(name: str, url: str, folder: Path) -> None:
    """Print what it costs to be killed after 21 of 30 calls."""
    for kind in ("read", "write", "write_once"):
        figure = await killed_after_21(url, World(folder / kind), [kind], tenant=kind)
        line = f"{figure.recorded} of {CALLS} calls ({kind}) on record when killed: {len(figure.again)} run again"
        counts = f"{len(figure.twice)} effects twice, {figure.unknown} unknown, {figure.answered} answered"
        console.print(f"{name}: {line}, {counts}", soft_wrap=True)


def main(kills: int, seed: int) -> int:
    """Print the table and the figures; 1 where a promise was broken."""
    done = dict[str, list[Trial]]()
    with databases() as urls, TemporaryDirectory() as folder:
        for name, url in urls.items():
            (place := Path(folder, name)).mkdir()
            asyncio.run(costs(name, url, place))
            done[name] = asyncio.run(trials(url, place, kills=kills, seed=seed))
    console.print(verdicts(done))
    return int(any(one.broken for run in done.values() for one in run))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
