"""The repository is what it says it is: links, wheel, lock, imports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINKS = {
    "agents": "agents",
    "tools": "tools",
    "graphs": "graphs",
    "runtime": "runtime",
    "examples": "examples",
    "migrations": "alembic",
}
PUBLIC = {
    "trunkline",
    "trunkline.tools",
    "trunkline.tools.checking",
    "trunkline.agents",
    "trunkline.graphs",
    "trunkline.runtime.scenarios",
    "trunkline.errors",
}


@pytest.mark.parametrize(("link", "folder"), LINKS.items())
def test_each_link_leads_to_its_folder(link: str, folder: str) -> None:
    """The import shell shows the folders at the root, by relative links."""
    path = ROOT / "src" / "trunkline" / link

    assert not path.readlink().is_absolute()
    assert path.resolve() == ROOT / folder


def test_the_wheel_holds_every_tracked_file_of_the_folders(tmp_path: Path) -> None:
    """Nothing that is imported, migrated or read at run time stays behind."""
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    _run(["git", "clone", "--quiet", str(ROOT), str(tmp_path / "clone")])
    _run([sys.executable, "-c", build, str(tmp_path)], folder=tmp_path / "clone")
    [wheel] = tmp_path.glob("trunkline-*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())

    assert {name for name in _shipped(tmp_path / "clone") if name not in held} == set()


def test_the_lock_pins_every_package_and_names_no_index() -> None:
    """Any index serves the lock; a hash makes sure that it is the same package."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    packages = [line for line in lines if not line.startswith((" ", "#"))]

    assert [line for line in packages if not re.match(r"^[\w.\[\]-]+==\S+", line)] == []
    assert [line for line in lines if "://" in line or "index" in line] == []


def test_the_examples_use_only_the_public_api() -> None:
    """An example is a project as a user would write it."""
    taken = [(path, module, name) for path in _sources("examples") for module, name in _imports(path)]
    private = [item for item in taken if not _is_public(*item[1:])]

    assert private == []


def test_the_command_line_starts_without_what_is_heavy() -> None:
    """Help costs no import of an engine, a client or a database."""
    code = "import sys, trunkline.runtime.cli.app; print(*sys.modules)"
    loaded = set(_run([sys.executable, "-c", code]).split())

    assert loaded & {"langgraph", "langchain_core", "langchain_openai", "openai", "sqlalchemy", "pydantic"} == set()


def _run(command: list[str], *, folder: Path = ROOT) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout


def _shipped(clone: Path) -> Iterator[str]:
    tracked = _run(["git", "-C", str(clone), "ls-files"]).splitlines()
    for link, folder in LINKS.items():
        inside = (name for name in tracked if name.startswith(f"{folder}/"))
        yield from (f"trunkline/{link}/{name.removeprefix(f'{folder}/')}" for name in inside)


def _sources(folder: str) -> Iterator[Path]:
    return (ROOT / folder).rglob("*.py")


def _imports(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("trunkline"):
            yield from ((str(node.module), alias.name) for alias in node.names)


def _is_public(module: str, name: str) -> bool:
    if module.startswith("trunkline.examples"):
        return True
    return module in PUBLIC and (module == "trunkline.errors" or name in import_module(module).__all__)
