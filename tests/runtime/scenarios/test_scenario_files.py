"""A scenario file that cannot be used says where and why."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from trunkline.errors import ReferenceNotFoundError, ScenarioError, ScenarioFileError
from trunkline.runtime.scenarios import run_scenario, scenario_files
from trunkline.runtime.scenarios.scenario import read_scenario
from trunkline.runtime.scenarios.steps import Advance, Approve, Turn

Write = Callable[..., Path]


def test_steps_are_told_by_the_word_that_only_they_have(write: Write) -> None:
    """A turn, time that passes, a decision."""
    file = write("""
        - caller: pay Ann
          model: [{calls: [{pay: {to: Ann, amount: 60}}]}, done]
        - advance: 90 s
        - {approve: pay, by: dana, answers: done}
    """)

    turn, advance, approve = read_scenario(file).steps
    assert isinstance(turn, Turn)
    assert [answer.say for answer in turn.model] == ["", "done"]
    assert advance == Advance.model_validate({"advance": "90 s"})
    assert isinstance(approve, Approve)
    assert (approve.approve.tool, approve.by) == ("pay", "dana")


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ("- advance: 90", "line 6: steps.0.advance: expected a time like 350 ms, 90 s, 30 min or 2 h, got 90"),
        ("- advanse: 90 s", "line 6: steps.0: expected a turn (with `model`) or one of interrupt, crash, approve"),
        ("- approve: pay", "line 6: steps.0.by: is missing"),
        ("- {approve: pay, by: dana, when: now}", "line 6: steps.0.when: is not known here"),
        ("- approve: {pay: {}, look: {}}\n  by: dana", "line 6: steps.0.approve: expected the name of a tool"),
        ("- model:\n  - say: hello\n  - sey: hello", "line 8: steps.0.model.1.sey: is not known here"),
        ("- {model: [], meanwhile: [{when: {}, do: [{model: []}]}]}", "a turn cannot be within a turn"),
        ("- {interrupt: true}", "interrupt is for what happens meanwhile, within a turn"),
        ("- [", "is not YAML: while parsing"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_place(write: Write, steps: str, problem: str) -> None:
    """In one line, which names the file as well."""
    file = write(steps)

    with pytest.raises(ScenarioFileError, match=re.escape(problem)) as raised:
        read_scenario(file)
    assert str(raised.value).startswith(f"scenario {file}: ")
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By its name."""
    with pytest.raises(ScenarioFileError, match=r"nowhere\.yaml: cannot be read: No such file"):
        read_scenario(tmp_path / "nowhere.yaml")


def test_a_project_that_is_not_there_is_told(write: Write) -> None:
    """Before anything is played."""
    file = write("- advance: 1 s")
    file.write_text(file.read_text().replace("till:Till", "till:Tilt"))

    with pytest.raises(ReferenceNotFoundError, match=r"stand_ins\.till has no 'Tilt'"):
        run_scenario(file, runs=1)


def test_a_project_that_sets_no_stage_is_told(write: Write) -> None:
    """What it is instead, and what was expected."""
    file = write("- advance: 1 s")
    file.write_text(file.read_text().replace("stand_ins.till:Till", "stand_ins.till:__name__"))

    with pytest.raises(ScenarioError, match="is str; name a function that sets a stage"):
        run_scenario(file, runs=1)


def test_the_scenarios_of_a_folder_come_by_name(write: Write) -> None:
    """Other files there are none."""
    write("", name="b.yaml")
    write("", name="a.yaml")
    folder = write("", name="README.md").parent

    assert [file.name for file in scenario_files(folder)] == ["a.yaml", "b.yaml"]
