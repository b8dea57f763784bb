"""`trunkline run`: one turn of an agent from the command line."""

from pathlib import Path

import pytest

from trunkline.runtime.cli.app import execute

SHOP = '''
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from trunkline import Agent, ScriptedModel, tool

@tool(effect="read", reads="order:{order}")
async def find(order: int) -> str:
    """Say where an order is."""
    return f"order {order} is on its way"

def mute(messages):
    raise ConnectionError("the model is away")

silent = Agent("silent", model=ScriptedModel(mute))
graph = StateGraph(MessagesState).add_node("say", lambda _: {"messages": [AIMessage("by hand")]}).add_edge(START, "say")
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
    assert "no agent or graph 'shpo'; it has graph, other, shop, silent" in said
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


def test_a_conversation_goes_on_under_its_thread(capsys: pytest.CaptureFixture[str]) -> None:
    """The model has its next line to say."""
    codes = [execute(["run", "shop_of_test.py:shop", "Where is order 17?", "--thread", "t"]) for _ in range(2)]
    said = capsys.readouterr()

    assert codes == [0, 1]
    assert "the script has 2 answers and was asked for number 3" in said.err


def test_a_graph_without_a_model_says_its_reply(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing streams there, and it is printed all the same."""
    assert execute(["run", "shop_of_test.py:graph", "hello"]) == 0
    assert capsys.readouterr().out == "by hand\n"


def test_a_run_that_fails_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    """With one line that names the run and the cause."""
    code = execute(["run", "shop_of_test.py:silent", "hello", "--thread", "t"])
    said = capsys.readouterr()

    assert code == 1
    assert "on thread 't' failed: ConnectionError: the model is away" in said.err
