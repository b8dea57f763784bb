"""A LangGraph project, found through its `langgraph.json`, and run."""

import os
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from langgraph.types import Command

from trunkline import Trunkline
from trunkline.runtime.cli.app import execute
from trunkline.runtime.graph_book import GraphBook

PROJECT = Path(__file__).parent.parent / "samples" / "front_desk"

pytestmark = pytest.mark.usefixtures("forgetting")


@pytest.fixture
def book() -> GraphBook:
    """The sample project's graphs."""
    return GraphBook(folder=PROJECT)


async def turn(line: Trunkline, book: GraphBook, graph: str, given: Any) -> Any:
    """One turn on the thread t."""
    async with book.opened(graph, {"configurable": {"thread_id": "t"}}) as found:
        return await line.run(found, given, thread="t")


def refund() -> dict[str, Any]:
    """The input of the refund graph, a type of the project's own in it."""
    return {"refund": cast("Any", sys.modules["front_desk.state"]).Refund(order=17, cents=8900)}


def test_its_graphs_are_known_by_their_names(book: GraphBook) -> None:
    """All of them can be loaded, and a file of a package is the package's module."""
    book.load_all()

    assert book.names == ["clerk", "greeting", "refund", "survey"]
    assert {name for name in sys.modules if name.startswith("front_desk.")} == {
        f"front_desk.{name}" for name in ("clerk", "greeting", "refund", "state", "survey")
    }
    assert "refund" not in sys.modules


def test_a_graph_of_the_project_is_named_as_the_project_names_it(book: GraphBook) -> None:
    """Once it is loaded; else by its module."""
    unregistered: Any = book.load("clerk")

    assert book.name_of(unregistered) == "clerk"
    assert GraphBook(folder=PROJECT).name_of(unregistered) == "front_desk.clerk:clerk"


async def test_a_graph_that_is_made_for_a_run_gets_its_config(line: Trunkline, book: GraphBook) -> None:
    """And the environment that the project asks for, which is there before its modules are imported."""
    reply = await turn(line, book, "greeting", "hello")

    assert reply.text == "good morning, t"


async def test_a_variable_that_is_set_wins(line: Trunkline, book: GraphBook, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the operator says goes before the project's file."""
    monkeypatch.setenv("FRONT_DESK_GREETING", "good evening")
    reply = await turn(line, book, "greeting", "hello")

    assert (reply.text, os.environ["FRONT_DESK_CITY"]) == ("good evening, t", "Larkfield")


async def test_an_agent_of_the_project_runs(line: Trunkline, book: GraphBook) -> None:
    """Like any graph."""
    assert (await turn(line, book, "clerk", "hello")).text == "how can I help?"


@pytest.mark.parametrize(("agreed", "told"), [(True, "order 17: paid back"), (False, "order 17: refused")])
async def test_a_question_of_a_subgraph_waits_for_its_answer(
    line: Trunkline, book: GraphBook, agreed: bool, told: str
) -> None:
    """It survives the worker: another process would find the graph by the same name."""
    book.load("refund")
    waiting = await turn(line, book, "refund", refund())
    done = await turn(line, GraphBook(folder=PROJECT), "refund", Command(resume=agreed))

    assert (waiting.interrupts, len(waiting.interrupt_ids)) == (({"pay back": 8900},), 1)
    assert (done.interrupts, done.interrupt_ids, done.state["told"]) == ((), (), told)


async def test_several_questions_at_once_are_answered_by_their_ids(line: Trunkline, book: GraphBook) -> None:
    """Each answer reaches the node that asked."""
    waiting = await turn(line, book, "survey", {"said": []})
    ids = dict(zip(waiting.interrupts, waiting.interrupt_ids, strict=True))
    answers = {ids["was it quick?"]: "yes", ids["was it friendly?"]: "very"}
    done = await turn(line, book, "survey", Command(resume=answers))

    assert sorted(done.state["said"]) == ["manners: very", "speed: yes", "thank you"]


async def test_questions_are_answered_one_by_one(line: Trunkline, book: GraphBook) -> None:
    """Those that are not answered yet keep waiting, under the same ids."""
    waiting = await turn(line, book, "survey", {"said": []})
    ids = dict(zip(waiting.interrupts, waiting.interrupt_ids, strict=True))
    half = await turn(line, book, "survey", Command(resume={ids["was it quick?"]: "yes"}))
    done = await turn(line, book, "survey", Command(resume={ids["was it friendly?"]: "very"}))

    assert (half.interrupts, half.interrupt_ids) == (("was it friendly?",), (ids["was it friendly?"],))
    assert sorted(done.state["said"]) == ["manners: very", "speed: yes", "thank you"]


def test_run_takes_a_name_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was read of the file and what was not is told beside the reply."""
    monkeypatch.chdir(PROJECT)
    code = execute(["run", "greeting", "hello", "--thread", "t", "--database", f"sqlite:///{tmp_path}/desk.db"])
    said = capsys.readouterr()

    assert (code, said.out) == (0, "good morning, t\n")
    assert said.err.splitlines()[0] == (
        "langgraph.json: read graphs, dependencies, env, python_version; "
        "ignored http (a server's business), store (a line has no store yet)"
    )


def test_run_tells_which_names_there_are(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """When the one it was given is not among them."""
    monkeypatch.chdir(PROJECT)

    assert execute(["run", "refunds", "hello"]) == 2
    assert "no graph is called 'refunds'; there is: clerk, greeting, refund, survey" in capsys.readouterr().err
