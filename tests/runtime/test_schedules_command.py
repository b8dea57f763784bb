"""`trunkline schedules`."""

import json

import pytest

from trunkline.runtime.cli.app import execute


@pytest.mark.parametrize("backend", ["sqlite"])
def test_schedules_on_the_command_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Added, paused, listed and removed; a graph is named, not loaded."""
    there = ["--database", url]
    added = execute(["schedules", "add", "report", "shop:graph", "hello", "--cron", "0 9 * * 1-5", *there])
    paused = execute(["schedules", "pause", "report", *there])
    execute(["schedules", "list", *there, "--json"])
    listed = json.loads(capsys.readouterr().out)
    removed = [execute(["schedules", "remove", "report", *there]) for _ in range(2)]
    wrong = execute(["schedules", "add", "report", "shop:graph", "hello", "--cron", "never", *there])

    assert (listed["name"], listed["graph"], listed["paused"]) == ("report", "shop:graph", True)
    assert (added, paused, removed, wrong) == (0, 0, [0, 2], 2)
