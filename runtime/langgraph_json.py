"""`langgraph.json`: the graphs of a LangGraph project, and what their modules need around them."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from dotenv import load_dotenv
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from trunkline.agents.file_fault import place, unreadable, wrong
from trunkline.errors import LanggraphFileError
from trunkline.runtime.modules import make_importable

log = logging.getLogger("trunkline.graphs")

FILE_NAME = "langgraph.json"
_READ = ("graphs", "dependencies", "env", "python_version")
_NO_IMAGE = "no image is built"
_NO_SERVER = "a server's business"
_WHY_IGNORED = {
    "store": "a line has no store yet",
    "checkpointer": "state is in the line's own database",
    "encryption": "state is in the line's own database",
    "node_version": "graphs in Python are run, no others",
    **dict.fromkeys(("http", "auth", "webhooks", "ui", "ui_config"), _NO_SERVER),
    **dict.fromkeys(("api_version", "base_image", "image_distro", "dockerfile_lines"), _NO_IMAGE),
    **dict.fromkeys(("pip_config_file", "pip_installer", "keep_pkg_tools"), _NO_IMAGE),
}


class _Graph(BaseModel):
    """Where a graph is: a reference alone, or an object that holds it beside other things."""

    path: str

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value


class _Env(BaseModel):
    """Environment variables: the path of a file, or the variables themselves."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    file: str = ""
    variables: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _either(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else {"variables": value}


class _Content(BaseModel):
    model_config = ConfigDict(extra="allow")

    graphs: dict[str, _Graph]
    dependencies: list[str] = []
    env: _Env = _Env()
    python_version: str | None = None


class LanggraphJson:
    """A project's `langgraph.json`. Of its keys, those that make graphs importable are read, the others told."""

    def __init__(self, path: Path, content: _Content) -> None:
        self.path = path
        self._content = content

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file. Raises `LanggraphFileError` that names the place and what was expected there."""
        try:
            return cls(path.resolve(), _Content.model_validate_json(path.read_bytes()))
        except OSError as error:
            raise LanggraphFileError(path=str(path), problem=unreadable(error)) from error
        except ValidationError as error:
            problems = "; ".join(f"{place(item['loc'])}: {wrong(item)}" for item in error.errors())
            raise LanggraphFileError(path=str(path), problem=problems) from None  # pydantic says it at length

    @cached_property
    def graphs(self) -> Mapping[str, str]:
        """The references of the graphs, by name, as seen from the file's folder."""
        return {name: graph.path for name, graph in self._content.graphs.items()}

    @cached_property
    def ignored(self) -> Mapping[str, str]:
        """Why a key of the file has no effect, by key."""
        given = sorted(set(self._content.model_extra or {}) - {"$schema"})
        ignored = {key: _WHY_IGNORED.get(key, "not known") for key in given}
        this = f"{sys.version_info.major}.{sys.version_info.minor}"
        if self._content.python_version not in (None, this):
            ignored["python_version"] = f"{self._content.python_version} is asked for, this is Python {this}"
        return ignored

    @property
    def summary(self) -> str:
        """One line that tells which keys are read, and which are ignored and why."""
        read = [key for key in _READ if key in self._content.model_fields_set and key not in self.ignored]
        ignored = [f"{key} ({why})" for key, why in self.ignored.items()]
        return f"{self.path.name}: read {', '.join(read)}" + (f"; ignored {', '.join(ignored)}" if ignored else "")

    @property
    def installation(self) -> str | None:
        """The command that installs what the project depends on, or None when it names nothing to install."""
        return f"pip install {' '.join(what)}" if (what := list(self._installable())) else None

    def enter(self) -> None:
        """Make the project's modules importable, and load its variables into the environment; those that are set win.

        Raises `LanggraphFileError` for a folder that is not there.
        """
        roots = [root for folder in self._folders() for root in _roots(folder)]
        for root in reversed(roots):
            make_importable(root)
        for name, value in self._content.env.variables.items():
            os.environ.setdefault(name, value)
        if self._content.env.file:
            file = self.path.parent / self._content.env.file
            if not load_dotenv(file) and not file.is_file():
                log.warning("langgraph_json.env_missing path=%s", file)

    def _folders(self) -> Iterator[Path]:
        for dependency in self._content.dependencies:
            if _is_local(dependency):
                folder = (self.path.parent / dependency).resolve()
                if not folder.is_dir():
                    raise LanggraphFileError(
                        path=str(self.path), problem=f"dependencies: there is no folder {dependency}"
                    )
                yield folder

    def _installable(self) -> Iterator[str]:
        for dependency in self._content.dependencies:
            folder = self.path.parent / dependency
            if not _is_local(dependency):
                yield dependency
            elif (folder / "pyproject.toml").is_file() or (folder / "setup.py").is_file():
                yield f"-e {dependency}"
            elif (folder / "requirements.txt").is_file():
                yield f"-r {Path(dependency) / 'requirements.txt'}"


def _is_local(dependency: str) -> bool:
    return dependency.startswith(".") or Path(dependency).is_absolute()


def _roots(folder: Path) -> list[Path]:
    """Where the modules of a local dependency are looked for: in it, in its `src`, and beside it if it is a package."""
    around = [folder.parent] if (folder / "__init__.py").is_file() else []
    return [folder, *([folder / "src"] if (folder / "src").is_dir() else []), *around]
