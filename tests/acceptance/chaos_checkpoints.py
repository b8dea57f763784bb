"""Lets six processes write to one SQLite file, and looks what is there: `make chaos-checkpoints SECONDS=30`."""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from stand_ins.crowd_of_writers import broken_promises, write_together
from trunkline.runtime.storage.database import upgrade_database


def main(seconds: float, processes: int = 6) -> int:
    """Print what came of it; 1 where anything was lost."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/line.db"
        asyncio.run(upgrade_database(url))
        acknowledged = write_together(url, Path(folder), processes=processes, seconds=seconds)
        broken = asyncio.run(broken_promises(url, acknowledged))
    total = sum(map(len, acknowledged.values()))
    Console().print(
        f"{processes} processes in {seconds:g} s: {total} checkpoints, no error, {len(broken)} lost", *broken
    )
    return int(bool(broken) or not total)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
