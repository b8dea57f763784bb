"""An embedded database that was copied while it was in use, as a backup is."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from stand_ins.steps import graph
from trunkline import Trunkline
from trunkline.errors import OneWorkerError
from trunkline.runtime.queue.status import RunStatus

pytestmark = pytest.mark.parametrize("backend", ["sqlite"])


async def test_a_copy_does_not_wait_for_the_workers_of_the_original(url: str, tmp_path: Path) -> None:
    """Their locks are not beside the copy, so they are dead there: it is served, and its runs go on."""
    copied = tmp_path / "copied.db"
    for name in ("go", "end"):
        (tmp_path / name).touch()
    async with Trunkline(url, graphs={"steps": graph}) as original, original.worker():
        with closing(sqlite3.connect(tmp_path / "line.db")) as used, closing(sqlite3.connect(copied)) as copy:
            used.backup(copy)
        async with Trunkline(f"sqlite:///{copied}", graphs={"steps": graph}) as line, line.worker():
            run = await line.wait(await line.submit("steps", str(tmp_path)), within=30)

    assert run.status is RunStatus.SUCCEEDED


async def test_another_name_of_the_file_is_the_same_database(url: str, tmp_path: Path) -> None:
    """Who reaches it over a link finds its worker alive."""
    (tmp_path / "link.db").symlink_to(tmp_path / "line.db")
    async with Trunkline(url) as line, line.worker(), Trunkline(f"sqlite:///{tmp_path / 'link.db'}") as linked:
        with pytest.raises(OneWorkerError):
            async with linked.worker():
                pass
