"""The benchmark on the public data, with latencies too short to wait for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from retail.desk import Answer, Desk
from retail.measure import Figures, measure
from retail.pace import LogNormalDelay
from retail.records import Records
from retail.replay import Replay, all_at_once, one_by_one
from retail.tasks import Action, Task, load_tasks
from tau2 import DATA_VARIABLE, default_data, main


@pytest.fixture(name="data", scope="module")
def data_folder() -> Path:
    folder = default_data()
    if not (folder / "db.json").is_file():
        pytest.skip(f"the data of tau2-retail is not in {folder}; name its folder in {DATA_VARIABLE}")
    return folder


async def test_every_task_ends_as_if_its_calls_ran_one_by_one(data: Path) -> None:
    """Shop and answers are the same for all 74 tasks; `make bench-tau2` draws twenty times as many latencies."""
    figures = await measure(data, range(1), median=0.0002)

    assert figures.failures == []
    assert figures.passed == figures.runs == 74


async def test_a_free_order_corrupts_tasks(data: Path) -> None:
    """The tasks can tell a right order from a wrong one, so passing means something."""
    desk = Desk(Records.load(data), LogNormalDelay(1, median=0.0002, cap=0.001))

    corrupted = 0
    for task in load_tasks(data):
        reference, control = await one_by_one(desk, task), await all_at_once(desk, task)
        corrupted += any(control.differences(reference, task))

    assert corrupted > 0


async def test_runs_never_change_the_records(data: Path) -> None:
    """All runs share one copy of the data; each writes only into the overlay."""
    records = Records.load(data)
    desk = Desk(records, LogNormalDelay(1, median=0.0002, cap=0.001))
    for task in load_tasks(data):
        await one_by_one(desk, task)

    tables = json.loads((data / "db.json").read_text())
    assert {"products": records.products, "users": records.users, "orders": records.orders} == tables


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


def test_the_command_prints_one_json_object(
    records: Records, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Figures and versions, for programs; everything that is read comes from the folder."""
    tables = {"products": records.products, "users": records.users, "orders": records.orders}
    cancel = {"name": "cancel_pending_order", "arguments": {"order_id": "#P1", "reason": "no longer needed"}}
    actions = {"7": [cancel], "8": None}
    tasks = [{"id": task_id, "evaluation_criteria": {"actions": each}} for task_id, each in actions.items()]
    (tmp_path / "db.json").write_text(json.dumps(tables))
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))

    assert main(["--data", str(tmp_path), "--seeds", "2", "--median", "1", "--json"]) == 0

    printed = json.loads(capsys.readouterr().out)
    assert (printed["passed"], printed["runs"], printed["calls"], printed["failures"]) == (4, 4, 2, [])
    assert "langgraph" in printed["versions"]


def test_a_failure_names_task_seed_and_call() -> None:
    """Whoever reads it can run the same case again."""
    task = Task(task_id="7", actions=(Action(name="get_order_details", arguments={"order_id": "#P1"}),))
    good = Replay(state="{}", answers=(Answer(refused=False, value=1),), tool_seconds=2.0, turn_seconds=3.0)
    bad = Replay(state="{}", answers=(Answer(refused=False, value=2),), tool_seconds=1.0, turn_seconds=2.0)
    figures = Figures(tasks=1, seeds=1)
    figures.add(task, 5, reference=good, control=bad, replay=bad)

    [failure] = figures.failures
    assert failure.startswith("task 7 seed 5: get_order_details {'order_id': '#P1'} answered")
    assert (figures.passed, figures.runs, figures.corrupted_by_free_order, figures.speedup) == (0, 1, 1, 2.0)
