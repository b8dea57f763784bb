"""The benchmark on the public data, with latencies too short to wait for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from retail.measure import measure
from retail.pace import LogNormalDelay
from retail.replay import all_at_once, one_by_one
from retail.shop import Shop
from retail.tasks import load_tasks
from tau2 import DATA_VARIABLE, default_data, main


@pytest.fixture(name="data", scope="module")
def data_folder() -> Path:
    folder = default_data()
    if not (folder / "db.json").is_file():
        pytest.skip(f"the data of tau2-retail is not in {folder}; name its folder in {DATA_VARIABLE}")
    return folder


async def test_every_task_ends_as_if_its_calls_ran_one_by_one(data: Path) -> None:
    """Shop and answers are the same for all 74 tasks, whatever the latencies are."""
    figures = await measure(data, range(2), median=0.0002, cap=0.001)

    assert figures.failures == []
    assert figures.passed == figures.runs == 148


async def test_a_free_order_corrupts_tasks(data: Path) -> None:
    """The tasks can tell a right order from a wrong one, so passing means something."""
    shop, delay = Shop.load(data), LogNormalDelay(1, median=0.0002, cap=0.001)

    corrupted = 0
    for task in load_tasks(data):
        reference, control = await one_by_one(shop, task, delay), await all_at_once(shop, task, delay)
        corrupted += any(control.differences(reference, task))

    assert corrupted > 0


async def test_runs_never_change_the_records(data: Path) -> None:
    """All runs share one copy of the data; each writes only into its own overlay."""
    shop = Shop.load(data)
    for task in load_tasks(data):
        await one_by_one(shop, task, lambda *_: 0.0)

    tables = json.loads((data / "db.json").read_text())
    records = shop.records
    assert {"products": records.products, "users": records.users, "orders": records.orders} == tables
    assert shop.state() == shop.fresh().state()


def test_the_data_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable wins over the folder beside the checkout; an empty one counts as unset."""
    monkeypatch.setenv(DATA_VARIABLE, "/somewhere")
    assert default_data() == Path("/somewhere")

    monkeypatch.setenv(DATA_VARIABLE, "")
    assert default_data().parts[-3:] == ("shared", "data", "tau2_retail")


def test_missing_data_is_one_line_and_exit_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever has no copy of the data reads which folder was meant and how to name another."""
    assert main(["--data", str(tmp_path)]) == 3

    out, err = capsys.readouterr()
    assert out == ""
    assert err.count(os.linesep) == 1
    assert f"no db.json and no tasks.json in {tmp_path}" in err
