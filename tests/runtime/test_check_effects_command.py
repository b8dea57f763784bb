"""`trunkline check-effects`, on a subject in a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trunkline.runtime.cli.app import execute

SHOP = """
from trunkline import Toolbox, tool
from trunkline.tools.checking import Subject, ask

LIMIT = 3

def subject(writes):
    orders = {"O1": "new"}

    @tool(effect="write_once", writes=writes)
    async def mark(order: str, status: str) -> None:
        "Mark an order."
        if status == "broken":
            raise RuntimeError("no pen")
        orders[order] = status

    calls = [ask("mark", order="O1", status=status) for status in ("paid", "sent")]
    return Subject(toolbox=Toolbox([mark]), calls=calls, state=lambda: {"orders": orders})

def right():
    return subject("order:{order}")

def wrong():
    return subject("status:{status}")

def broken():
    made = subject("order:{order}")
    return Subject(toolbox=made.toolbox, calls=[ask("mark", order="O1", status="broken")], state=made.state)
"""


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file with three subjects, in the working folder."""
    (tmp_path / "shop_subjects.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("COLUMNS", "60")


def test_right_declarations_exit_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing on stdout; stderr says how much was tried."""
    assert execute(["check-effects", "shop_subjects.py:right", "--seeds", "1"]) == 0
    shown, said = capsys.readouterr()

    assert shown == ""
    assert said.startswith("no wrong declaration and 0 hints in 1 tool: 2 calls, 0 pairs, 1 random batch, ")


def test_a_wrong_declaration_is_shown_with_its_fix_and_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    """What was seen, the smallest example, and what to write, whole in any terminal."""
    assert execute(["check-effects", "shop_subjects.py:wrong"]) == 1

    assert capsys.readouterr().out.splitlines() == [
        '✗ mark: when the second runs first, orders.O1 ends as "paid" instead of "sent"',
        '    with  mark(order="O1", status="paid"), mark(order="O1", status="sent")',
        '    fix   add "orders:{order}" to writes= of mark',
    ]


def test_json_is_one_finding_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """For a program that reads it in CI."""
    assert execute(["check-effects", "shop_subjects.py:wrong", "--json"]) == 1
    (finding,) = map(json.loads, capsys.readouterr().out.splitlines())

    assert (finding["kind"], finding["tools"], finding["hint"]) == ("order_matters", ["mark"], False)


def test_a_tool_that_raises_is_one_finding_without_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    """The log of each run would bury it."""
    assert execute(["check-effects", "shop_subjects.py:broken"]) == 1
    shown, said = capsys.readouterr()

    assert "RuntimeError: no pen" in shown.splitlines()[0]
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        (
            "shop_subjects.py:left",
            "shop_subjects.py has no function 'left'; it has broken, right, subject, wrong",
        ),
        ("shop_subjects.py:LIMIT", "shop_subjects.py has no function 'LIMIT'; it has"),
        ("nowhere.py:right", "there is no file nowhere.py; name a function that returns a Subject as"),
        ("right", "is not a reference; name a function that returns a Subject as package.module:name"),
    ],
)
def test_what_is_no_subject_is_wrong_usage(reference: str, problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The text lists what could have been meant."""
    assert execute(["check-effects", reference]) == 2
    assert problem in capsys.readouterr().err
