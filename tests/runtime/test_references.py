"""References to agents and graphs in code."""

import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from langgraph.graph import StateGraph

from trunkline import Agent
from trunkline.errors import ReferenceNotFoundError
from trunkline.runtime.references import resolve, resolve_tools

SHOP = """
from langgraph.graph import START, MessagesState, StateGraph
from trunkline import Agent, FanOut, ScriptedModel, Toolbox
from shop_backend import WORDS

agent = Agent("shop", model=ScriptedModel(WORDS))
graph = StateGraph(MessagesState)
graph.add_node("say", lambda _: {}).add_edge(START, "say")
compiled = graph.compile()
number = 7
toolbox = Toolbox()
clerk = Agent("clerk", model=ScriptedModel(WORDS), tools=toolbox)
calls = StateGraph(MessagesState).add_node("calls", FanOut(toolbox)).add_edge(START, "calls")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """A folder with a module, its neighbour and a package; the interpreter forgets them all afterwards."""
    (tmp_path / "shop_backend.py").write_text("WORDS = ['hi']\n")
    (tmp_path / "shop_desk.py").write_text(SHOP)
    (tmp_path / "shop_package").mkdir()
    (tmp_path / "shop_package" / "__init__.py").touch()
    (tmp_path / "shop_package" / "desk.py").write_text("from shop_desk import agent\n")
    (tmp_path / "shop_broken.py").write_text("import a_library_that_is_not_installed\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = dict(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - set(before):
        del sys.modules[name]


@pytest.mark.parametrize("where", ["shop_desk", "shop_desk.py", "./shop_desk.py"])
def test_a_module_or_a_file_of_the_working_folder_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Agents, graphs and compiled graphs alike."""
    monkeypatch.chdir(folder)

    assert isinstance(resolve(f"{where}:agent"), Agent)
    assert isinstance(resolve(f"{where}:graph"), StateGraph)
    assert type(resolve(f"{where}:compiled")).__name__ == "CompiledStateGraph"


def test_a_module_in_a_package_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its dotted name."""
    monkeypatch.chdir(folder)

    assert isinstance(resolve("shop_package.desk:agent"), Agent)


def test_a_file_elsewhere_finds_its_neighbours(folder: Path) -> None:
    """As if Python had been started with it."""
    assert isinstance(resolve(f"{folder / 'shop_desk.py'}:agent"), Agent)


def test_a_file_may_be_called_like_a_library(folder: Path) -> None:
    """Who imports the library gets the library."""
    (folder / "json.py").write_text(SHOP)
    import json

    assert isinstance(resolve(f"{folder / 'json.py'}:agent"), Agent)
    assert sys.modules["json"] is json


def test_a_file_is_what_it_is_when_it_is_asked_for(folder: Path) -> None:
    """Not what it was the first time."""
    path = folder / "shop_desk.py"
    first = resolve(f"{path}:agent")
    path.write_text(SHOP.replace('Agent("shop"', 'Agent("new shop"'))

    assert [str(first), str(resolve(f"{path}:agent"))] == ["Agent('shop', tools=[])", "Agent('new shop', tools=[])"]


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("shop_desk", "'shop_desk': is not a reference"),
        (":agent", "':agent': is not a reference"),
        ("shop_desk:", "'shop_desk:': is not a reference"),
        ("shop-desk:agent", "'shop-desk:agent': is not a reference"),
        ("folder/shop_desk:agent", "'folder/shop_desk:agent': is not a reference"),
        ("nowhere.py:agent", "there is no file nowhere.py"),
        ("shop_nowhere:agent", "there is no module shop_nowhere"),
        ("shop_package.nowhere:agent", "there is no module shop_package.nowhere"),
        ("shop_desk:agnet", "shop_desk has no agent or graph 'agnet'; it has agent, calls, clerk, compiled, graph"),
        ("shop_desk:number", "shop_desk has no agent or graph 'number'; it has agent, calls, clerk, compiled, graph"),
        ("shop_backend:agent", "shop_backend has no agent or graph 'agent'; it has no agent and no graph"),
    ],
)
def test_a_reference_that_leads_nowhere_says_what_is_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, reference: str, problem: str
) -> None:
    """And how one is written."""
    monkeypatch.chdir(folder)
    with pytest.raises(ReferenceNotFoundError) as raised:
        resolve(reference)

    assert problem in str(raised.value)
    assert str(raised.value).endswith("name an agent or graph as package.module:name or path.py:name")


@pytest.mark.parametrize("where", ["shop_broken", "shop_broken.py"])
def test_what_a_module_raises_is_passed_on(folder: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """A library that it misses is not a reference that leads nowhere; half a module is not kept."""
    monkeypatch.chdir(folder)
    with pytest.raises(ModuleNotFoundError, match="a_library_that_is_not_installed"):
        resolve(f"{where}:agent")

    assert "shop_broken" not in sys.modules


@pytest.mark.parametrize("name", ["toolbox", "clerk", "calls"])
def test_tools_are_found_by_what_holds_them(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A toolbox, an agent, or a graph with a fan-out node."""
    monkeypatch.chdir(folder)
    (found,) = resolve_tools(f"shop_desk:{name}")

    assert found is sys.modules["shop_desk"].toolbox


@pytest.mark.parametrize("reference", ["shop_desk:number", "nowhere.py:toolbox"])
def test_a_reference_that_leads_to_no_tools_says_what_could(
    folder: Path, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    """Other things than what can be run."""
    monkeypatch.chdir(folder)
    with pytest.raises(ReferenceNotFoundError, match="name an agent, a graph or a toolbox as "):
        resolve_tools(reference)
