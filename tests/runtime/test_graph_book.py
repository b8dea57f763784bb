"""Graphs by name: given in code, and by reference."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig

from trunkline import Agent, ScriptedModel
from trunkline.errors import (
    GraphFactoryError,
    GraphLoadError,
    ReferenceNotFoundError,
    UnknownGraphError,
    UnnamedGraphError,
)
from trunkline.runtime.graph_book import GraphBook
from trunkline.runtime.runnable import Runnable

DESK = """
from contextlib import asynccontextmanager, contextmanager
from trunkline import Agent, ScriptedModel

seen = []
desk = Agent("desk", model=ScriptedModel(["hello"]))

def plain():
    return desk

def by_config(config):
    seen.append(config)
    return desk

def with_default(words="hello", *, config=None):
    seen.append(config)
    return desk

async def awaited(config):
    return by_config(config)

@contextmanager
def held(config):
    yield by_config(config)
    seen.append("closed")

@asynccontextmanager
async def opened(config):
    yield by_config(config)
    seen.append("closed")

def two(first, second):
    return desk

def on_a_server(runtime: "ServerRuntime"):
    return desk

def nothing():
    pass
"""
CONFIG = RunnableConfig(configurable={"thread_id": "t"})


pytestmark = pytest.mark.usefixtures("forgetting")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder with a file in it."""
    (tmp_path / "desk_of_test.py").write_text(DESK)
    return tmp_path


def agent(name: str = "desk") -> Agent:
    return Agent(name, model=ScriptedModel(["hello"]))


def test_a_name_given_in_code_leads_to_its_graph() -> None:
    """And back."""
    desk, other = agent(), agent("other")
    book = GraphBook({"support": desk, "sales": other})

    assert (book.load("support"), book.load("sales")) == (desk, other)
    assert (book.name_of(desk), book.name_of(other)) == ("support", "sales")
    assert book.names == ["sales", "support"]


@pytest.mark.parametrize("reference", ["desk_of_test:desk", "desk_of_test.py:desk", "./desk_of_test.py:desk"])
def test_a_reference_is_a_name_of_its_own(folder: Path, reference: str) -> None:
    """What it leads to is loaded once, and known by that reference."""
    book = GraphBook(folder=folder)
    desk: Any = book.load(reference)

    assert isinstance(desk, Agent)
    assert book.load(reference) is desk
    assert book.name_of(desk) == reference


def test_graphs_of_one_file_are_loaded_together(folder: Path) -> None:
    """A file that has been imported is not executed again, so that its classes stay the same ones."""
    book = GraphBook({"a": "desk_of_test.py:desk", "b": "./desk_of_test.py:plain"}, folder=folder)
    book.load_all()
    plain: Any = book.load("b")

    assert plain() is book.load("a")


def test_an_unknown_name_is_told_with_those_there_are() -> None:
    """And how one is registered."""
    with pytest.raises(UnknownGraphError, match="no graph is called 'desk'; there is: sales, support; register it"):
        GraphBook({"support": agent(), "sales": agent()}).load("desk")


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("desk_of_test:dsk", "desk_of_test has no agent or graph 'dsk'; it has desk"),
        ("desk_of_test.py:seen", "desk_of_test.py has no agent or graph 'seen'; it has desk"),
        ("no_such_module_here:desk", "there is no module no_such_module_here"),
    ],
)
def test_a_reference_that_leads_nowhere_says_what_is_there(folder: Path, reference: str, problem: str) -> None:
    """As it does on the command line."""
    with pytest.raises(ReferenceNotFoundError) as raised:
        GraphBook(folder=folder).load(reference)

    assert problem in str(raised.value)


def test_a_module_that_misses_a_library_names_the_graph_the_cause_and_the_remedy(folder: Path) -> None:
    """The cause is chained, and the next attempt may succeed."""
    path = folder / "broken_of_test.py"
    path.write_text("import a_library_that_is_not_installed\n")
    book = GraphBook({"support": "broken_of_test.py:desk"}, folder=folder)
    with pytest.raises(GraphLoadError) as raised:
        book.load_all()
    path.write_text(DESK)

    assert str(raised.value) == (
        "graph 'support' (broken_of_test.py:desk) cannot be loaded: ModuleNotFoundError: No module named "
        "'a_library_that_is_not_installed'; install what provides a_library_that_is_not_installed, "
        "or put its folder on PYTHONPATH"
    )
    assert isinstance(raised.value.__cause__, ModuleNotFoundError)
    assert isinstance(book.load("support"), Agent)


@pytest.mark.parametrize("raising", ["raise SystemExit(3)", "1 / 0"])
def test_a_module_that_cannot_be_imported_does_not_end_the_worker(folder: Path, raising: str) -> None:
    """Not even a script that exits."""
    (folder / "broken_of_test.py").write_text(raising)
    with pytest.raises(GraphLoadError, match=r"graph 'broken_of_test:desk' cannot be loaded: .* mend its module"):
        GraphBook(folder=folder).load("broken_of_test:desk")


async def graph_of(book: GraphBook, name: str) -> Runnable:
    async with book.opened(name, CONFIG) as graph:
        return graph


@pytest.mark.parametrize(
    ("factory", "seen"),
    [
        ("desk", []),
        ("plain", []),
        ("by_config", [CONFIG]),
        ("with_default", [CONFIG]),
        ("awaited", [CONFIG]),
        ("held", [CONFIG, "closed"]),
        ("opened", [CONFIG, "closed"]),
    ],
)
async def test_a_function_makes_the_graph_of_each_run(folder: Path, factory: str, seen: list[object]) -> None:
    """Called with the run's config if it wants one; what it holds open is closed after the run."""
    book = GraphBook(folder=folder)
    desk = await graph_of(book, "desk_of_test:desk")

    assert [await graph_of(book, f"desk_of_test:{factory}") for _ in range(2)] == [desk, desk]
    assert sys.modules["desk_of_test"].seen == seen * 2


@pytest.mark.parametrize(
    ("factory", "problem"),
    [
        ("two", "is made by a function of first, second; let it be"),
        ("on_a_server", "is made by a function of runtime: 'ServerRuntime'; let it be"),
        ("nothing", "was made as a NoneType; let it be"),
    ],
)
async def test_a_function_that_makes_no_graph_is_told(folder: Path, factory: str, problem: str) -> None:
    """With what it should do."""
    with pytest.raises(GraphFactoryError, match=problem):
        await graph_of(GraphBook(folder=folder), f"desk_of_test.py:{factory}")


def test_a_function_given_in_code_is_known_by_its_name() -> None:
    """A run of it is submitted by that name, or with the function."""
    book = GraphBook({"support": agent})

    assert (book.load("support"), book.name_of(agent), book.name_of("support")) == (agent, "support", "support")


def test_a_graph_of_a_module_that_is_not_registered_is_named_by_its_variable(folder: Path) -> None:
    """Another process finds it there; this one has it already."""
    desk: Any = GraphBook(folder=folder).load("desk_of_test:desk")
    book = GraphBook(folder=folder)

    assert book.name_of(desk) == "desk_of_test:desk"
    assert book.load("desk_of_test:desk") is desk


@pytest.mark.parametrize(
    ("started", "name"),
    [
        (["submit.py"], "desk_of_test:desk"),
        (["script.py"], "script.py:desk"),
        (["-m", "package_of_test.script"], "package_of_test.script:desk"),
    ],
)
def test_another_process_finds_a_graph_by_the_name_that_it_was_given(
    folder: Path, started: list[str], name: str
) -> None:
    """Whether its module is imported, is a script, or is run as a module: nothing is known as `__main__` elsewhere."""
    told = "from trunkline.runtime.graph_book import GraphBook\nif __name__ == '__main__':\n    "
    told += "print(GraphBook().name_of(desk))\n"
    (folder / "package_of_test").mkdir()
    (folder / "package_of_test" / "__init__.py").touch()
    for script in ("script.py", "package_of_test/script.py"):
        (folder / script).write_text(DESK + told)
    (folder / "submit.py").write_text(f"from desk_of_test import desk\n{told}")
    found = "import sys; from trunkline.runtime.graph_book import GraphBook; print(GraphBook().load(sys.argv[1]))"

    assert ran(*started, folder=folder) == name
    assert ran("-c", found, name, folder=folder) == "Agent('desk', tools=[])"


def ran(*arguments: str, folder: Path) -> str:
    """What a Python of its own says, in the folder."""
    return subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, text=True, cwd=folder
    ).stdout.strip()


def test_a_graph_is_named_by_its_file_where_it_cannot_be_imported(folder: Path) -> None:
    """As seen from the folder, or by its whole path outside of it."""
    desk: Any = GraphBook(folder=folder).load("desk_of_test.py:desk")
    sys.path.remove(str(folder))

    assert GraphBook(folder=folder).name_of(desk) == "desk_of_test.py:desk"
    assert GraphBook(folder=folder / "elsewhere").name_of(desk) == f"{folder / 'desk_of_test.py'}:desk"


def test_a_graph_that_no_module_holds_must_be_registered() -> None:
    """No other process could find it."""
    with pytest.raises(UnnamedGraphError, match=r"Agent\('desk', tools=\[\]\) has no name .*; register it"):
        GraphBook().name_of(agent())


def test_the_version_of_a_graph_is_the_hash_that_git_gives_to_its_file(folder: Path) -> None:
    """As it was when it was loaded; a graph that was made in no module has none."""
    (folder / "desk_of_test.py").write_bytes(b"from trunkline import Agent, ScriptedModel\ndesk = lambda: None\n")
    book = GraphBook({"local": agent("local")}, folder=folder)
    versions = [book.version_of("desk_of_test.py:desk"), book.version_of("local")]
    (folder / "desk_of_test.py").write_text(DESK)

    assert versions == ["6fb2fac0f2b10ef8e81f0aa90d7114555a24996c", None]
    assert book.version_of("desk_of_test.py:desk") == versions[0]
