"""What of a `langgraph.json` is read, and what is told of the rest."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from trunkline.errors import GraphLoadError, LanggraphFileError
from trunkline.runtime.graph_book import GraphBook
from trunkline.runtime.langgraph_json import LanggraphJson

DESK = "from trunkline import Agent, ScriptedModel\ndesk = Agent('desk', model=ScriptedModel(['hello']))\n"
GRAPHS = {"desk": "./desk.py:desk"}

pytestmark = pytest.mark.usefixtures("forgetting")


def written(folder: Path, **content: Any) -> LanggraphJson:
    """The folder's `langgraph.json`, read."""
    path = folder / "langgraph.json"
    path.write_text(json.dumps(content))
    return LanggraphJson.read(path)


def test_a_graph_is_a_reference_or_an_object_with_its_path(tmp_path: Path) -> None:
    """What else is in the object does not matter."""
    file = written(tmp_path, graphs={"a": "./a.py:graph", "b": {"path": "shop.b:graph", "description": "b"}})

    assert file.graphs == {"a": "./a.py:graph", "b": "shop.b:graph"}


def test_each_key_is_told_as_read_or_as_ignored_with_the_reason(tmp_path: Path) -> None:
    """Nothing of the file is passed over without a word."""
    file = written(
        tmp_path,
        **{"$schema": "https://langgra.ph/schema.json", "python_version": "3.9"},
        graphs={},
        env={},
        auth={"path": "./auth.py:auth"},
        dockerfile_lines=[],
        colour="red",
    )

    this = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert file.summary == (
        "langgraph.json: read graphs, env; ignored auth (a server's business), colour (not known), dockerfile_lines "
        f"(no image is built), python_version (3.9 is asked for, this is Python {this})"
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "invalid JSON"),
        ("{}", "graphs: is missing"),
        ('{"graphs": {"desk": {"description": "a desk"}}}', "graphs.desk.path: is missing"),
        ('{"graphs": {}, "dependencies": "."}', "dependencies: input should be a valid array, got '.'"),
        ('{"graphs": {}, "env": ["KEY"]}', "env.variables: expected a mapping"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_what_was_expected(
    tmp_path: Path, content: str, problem: str
) -> None:
    """Whoever looks a graph up is told."""
    (tmp_path / "langgraph.json").write_text(content)
    with pytest.raises(LanggraphFileError) as raised:
        GraphBook(folder=tmp_path).load("desk")

    assert str(raised.value).startswith(f"{tmp_path / 'langgraph.json'}: ")
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    ("dependency", "file"),
    [
        ("./lib", "lib/words_of_test.py"),
        ("./lib", "lib/src/words_of_test.py"),
        ("./words_of_test", "words_of_test/__init__.py"),
    ],
)
def test_the_modules_of_a_local_dependency_can_be_imported(tmp_path: Path, dependency: str, file: str) -> None:
    """A folder of modules, one with a `src`, or a package itself."""
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("hello = 'hello'\n")
    (tmp_path / "desk.py").write_text(f"from words_of_test import hello\n{DESK}")
    written(tmp_path, graphs=GRAPHS, dependencies=[dependency])

    assert repr(GraphBook(folder=tmp_path).load("desk")) == "Agent('desk', tools=[])"


def test_a_local_dependency_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Before anything is imported."""
    written(tmp_path, graphs=GRAPHS, dependencies=["./lib"])
    with pytest.raises(LanggraphFileError, match=r"dependencies: there is no folder \./lib"):
        GraphBook(folder=tmp_path).load("desk")


def test_a_missing_library_is_told_with_the_command_that_installs_it(tmp_path: Path) -> None:
    """The dependencies of a project are its own business; nothing is installed behind anybody's back."""
    (tmp_path / "desk.py").write_text("import a_library_that_is_not_installed\n")
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "requirements.txt").touch()
    written(tmp_path, graphs=GRAPHS, dependencies=["a-library", ".", "./lib"])
    with pytest.raises(GraphLoadError) as raised:
        GraphBook(folder=tmp_path).load("desk")

    assert str(raised.value).endswith(
        "No module named 'a_library_that_is_not_installed'; the dependencies of langgraph.json are not installed for "
        "you: pip install a-library -e . -r lib/requirements.txt"
    )


@pytest.mark.parametrize("env", ["./desk.env", {"DESK_OF_TEST": "from the file", "DESK_NUMBER_OF_TEST": 7}])
def test_variables_are_set_before_the_first_import_unless_they_are_set_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: Any
) -> None:
    """From a file or from the mapping itself."""
    (tmp_path / "desk.env").write_text("DESK_OF_TEST='from the file'\nDESK_NUMBER_OF_TEST=7\n")
    (tmp_path / "desk.py").write_text(f"import os\nseen = os.environ['DESK_NUMBER_OF_TEST']\n{DESK}")
    monkeypatch.setenv("DESK_OF_TEST", "from the operator")
    written(tmp_path, graphs=GRAPHS, env=env)
    GraphBook(folder=tmp_path).load("desk")

    assert (sys.modules["desk"].seen, os.environ["DESK_OF_TEST"]) == ("7", "from the operator")


def test_a_file_of_variables_that_is_not_there_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It holds secrets, so it is often left out where the environment has them already."""
    (tmp_path / "desk.py").write_text(DESK)
    written(tmp_path, graphs=GRAPHS, env=".env")
    GraphBook(folder=tmp_path).load("desk")

    assert caplog.messages == [f"langgraph_json.env_missing path={tmp_path / '.env'}"]


def test_a_name_given_in_code_goes_before_the_same_one_of_the_file(tmp_path: Path) -> None:
    """And the others of the file are there too."""
    written(tmp_path, graphs={**GRAPHS, "other": "./desk.py:desk"})
    (tmp_path / "desk.py").write_text(f"{DESK}own = Agent('own', model=ScriptedModel([]))\n")
    book = GraphBook({"desk": "./desk.py:own"}, folder=tmp_path)

    assert {name: repr(book.load(name)) for name in book.names} == {
        "desk": "Agent('own', tools=[])",
        "other": "Agent('desk', tools=[])",
    }
