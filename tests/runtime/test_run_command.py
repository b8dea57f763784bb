"""`trunkline run`: one turn of an agent from the command line."""

from pathlib import Path

import pytest

from trunkline.runtime.cli.app import execute

SHOP = '''
from trunkline import Agent, ScriptedModel, tool

@tool(effect="read", reads="order:{order}")
async def find(order: int) -> str:
    """Say where an order is."""
    return f"order {order} is on its way"

shop = Agent("shop", model=ScriptedModel([{"find": {"order": 17}}, "It is on its way."]), tools=[find])
other = shop
'''


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with an agent in it."""
    (tmp_path / "shop_of_test.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUNKLINE_DATABASE", "sqlite:///shop.db")


def test_the_reply_goes_to_stdout_and_the_calls_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """So the reply can be piped on."""
    code = execute(["run", "shop_of_test.py:shop", "Where is order 17?", "--thread", "t"])
    said = capsys.readouterr()

    assert code == 0
    assert said.out == "It is on its way.\n"
    assert "find: done" in said.err
    assert "thread t" in said.err


def test_an_unknown_agent_is_told_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and nothing was run."""
    code = execute(["run", "shop_of_test.py:shpo", "hello"])
    said = capsys.readouterr().err

    assert code == 2
    assert "no agent or graph 'shpo'; it has other, shop" in said
    assert not Path("shop.db").exists()


@pytest.mark.parametrize("reference", ["shop", "nothing.py:shop", "no_such_module_here:shop"])
def test_a_reference_that_leads_nowhere_says_how_one_is_written(
    reference: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names the reference and the form."""
    code = execute(["run", reference, "hello"])
    said = capsys.readouterr().err

    assert code == 2
    assert repr(reference) in said
    assert "path.py:name" in said


def test_a_tool_without_types_is_told_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    """The declaration is wrong, so the file and the line are named."""
    Path("bad_of_test.py").write_text("from trunkline import tool\n\n@tool\ndef find(order):\n    return order\n")
    code = execute(["run", "bad_of_test.py:agent", "hello"])
    said = capsys.readouterr().err

    assert code == 2
    assert "bad_of_test.py:3" in said
    assert "parameter 'order' has no type" in said
    assert "no docstring" in said
