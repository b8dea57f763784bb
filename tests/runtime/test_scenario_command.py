"""`trunkline scenario` as people run it."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from trunkline.runtime.cli.app import execute

GOOD = """
    scenario: a payment
    project: stand_ins.till:Till
    steps:
      - caller: pay Ann
        model: [{calls: [{pay: {to: Ann, amount: 9}}]}, paid]
    expect: {effects: [pay]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a scenario that is met."""
    (tmp_path / "good.yaml").write_text(dedent(GOOD))
    return tmp_path


def test_a_scenario_that_is_met_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0; the line has the figures."""
    code = execute(["scenario", str(folder / "good.yaml"), "--runs", "3"])

    said = capsys.readouterr().out
    assert code == 0
    assert said.startswith("ok   a payment: 3 runs, 0 with faults, 1 final state; turns ")
    assert said.count("\n") == 1


def test_a_scenario_that_is_not_met_says_why(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1; all files of a folder are played."""
    (folder / "bad.yaml").write_text(dedent(GOOD).replace("[pay]", "[]"))
    code = execute(["scenario", str(folder), "--runs", "2"])

    said = capsys.readouterr()
    assert code == 1
    assert said.out.splitlines()[1] == (
        "     seed 1: expect.effects: missing nothing; not expected pay(to='Ann', amount=9)"
    )
    assert said.err == "1 of 2 scenarios failed\n"


def test_json_is_an_object_a_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs."""
    code = execute(["scenario", str(folder), "--runs", "2", "--seed", "5", "--json"])

    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (told["scenario"], told["ok"], told["runs"], told["final_states"]) == ("a payment", True, 2, 1)


def test_a_mistake_in_any_file_is_told_before_anything_is_played(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2."""
    (folder / "worse.yaml").write_text("scenario: x")
    code = execute(["scenario", str(folder)])

    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert "line 1: project: is missing" in said.err
