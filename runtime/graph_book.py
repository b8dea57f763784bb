"""The graphs that a process knows by name, so that any worker can take up a run that waits in the queue."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from langchain_core.runnables import RunnableConfig

from trunkline.errors import GraphLoadError, TrunklineError, UnknownGraphError, UnnamedGraphError
from trunkline.runtime.graph_factory import GraphFactory, made
from trunkline.runtime.homes import home_of, version_of_file
from trunkline.runtime.langgraph_json import FILE_NAME, LanggraphJson
from trunkline.runtime.references import Found, find
from trunkline.runtime.runnable import Runnable, is_runnable

log = logging.getLogger("trunkline.graphs")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What has been loaded under a name."""

    value: Runnable | GraphFactory
    version: str | None


class GraphBook:
    """Finds graphs by the names that are stored with queued runs, and names them.

    A name is one of those given in code, one of the folder's `langgraph.json`, or a reference: `package.module:name` or
    `path.py:name`. `graphs` are those given in code: agents, graphs, functions that make a graph for each run, or
    references to any of these; they go before those of `langgraph.json`. `folder` is where references are looked for;
    left out, the working folder. Each name is loaded once; what could not be loaded is tried again.

    What looks a name up raises `LanggraphFileError` for a `langgraph.json` that cannot be used.
    """

    def __init__(
        self, graphs: Mapping[str, Runnable | GraphFactory | str] | None = None, *, folder: Path | None = None
    ) -> None:
        self._given = dict(graphs or {})
        self._folder = (folder or Path.cwd()).resolve()
        self._pages: dict[str, _Page] = {}
        self._entered = False

    @cached_property
    def project(self) -> LanggraphJson | None:
        """The folder's `langgraph.json`, if there is one; it takes effect before the first import."""
        file = self._folder / FILE_NAME
        return LanggraphJson.read(file) if file.is_file() else None

    @property
    def names(self) -> list[str]:
        """The names that are registered; references need not be."""
        return sorted(self._registered)

    @property
    def folder(self) -> Path:
        """Where references are looked for."""
        return self._folder

    def references(self) -> dict[str, str] | None:
        """Return the graphs given in code as references, for another process; None when one is in no module."""
        found = {name: self._reference_of(entry) for name, entry in self._given.items()}
        known = {name: reference for name, reference in found.items() if reference}
        return known if len(known) == len(found) else None

    def load_all(self) -> None:
        """Load every registered graph: a worker does it before it claims its first run, as an import takes its time.

        Errors are those of `load`; the first one ends it.
        """
        for name in self.names:
            self.load(name)

    def load(self, name: str) -> Runnable | GraphFactory:
        """Return what is known by the name; the first time, its module is imported.

        Nothing is awaited, so runs that begin at the same time on one event loop load it once.
        Raises `UnknownGraphError`, `ReferenceNotFoundError`, and `GraphLoadError` for what an import raises.
        """
        return self._page(name).value

    def version_of(self, name: str) -> str | None:
        """Return git's hash of the file in which the graph was found, as it was then; None when it is in no file.

        Errors are those of `load`.
        """
        return self._page(name).version

    @asynccontextmanager
    async def opened(self, name: str, config: RunnableConfig | None = None) -> AsyncGenerator[Runnable]:
        """Give the graph for one run: what is known by the name, or what its function makes of the config.

        Errors are those of `load`, `GraphFactoryError`, and what the function raises.
        """
        value = self.load(name)
        if is_runnable(value):
            yield value
        else:
            async with made(value, config or {}, name=name) as graph:
                yield graph

    def name_of(self, graph: Runnable | GraphFactory | str) -> str:
        """Return the name to store with a run of the graph: the registered one, or a reference to its variable.

        A name stands for itself. Raises `UnnamedGraphError` or `UnknownGraphError`.
        """
        if isinstance(graph, str):
            self._entry(graph)
            return graph
        for name, entry in self._given.items():
            if entry is graph:
                return name
        for name, page in self._pages.items():
            if page.value is graph:
                return name
        return self._name_from_home(graph)

    @cached_property
    def _registered(self) -> Mapping[str, Runnable | GraphFactory | str]:
        return {**(self.project.graphs if self.project else {}), **self._given}

    def _reference_of(self, entry: Runnable | GraphFactory | str) -> str | None:
        if isinstance(entry, str):
            return entry
        home = home_of(entry)
        return home.reference(folder=self._folder) if home else None

    def _name_from_home(self, graph: Runnable | GraphFactory) -> str:
        home = home_of(graph)
        name = home.reference(folder=self._folder) if home else None
        if home is None or name is None:
            raise UnnamedGraphError(graph=repr(graph))
        self._pages[name] = _Page(value=graph, version=version_of_file(home.module))
        return name

    def _entry(self, name: str) -> Runnable | GraphFactory | str:
        """What is registered under the name; a reference need not be, and stands for itself."""
        if name not in self._registered and ":" not in name:
            raise UnknownGraphError(name=name, known=self.names)
        return self._registered.get(name, name)

    def _page(self, name: str) -> _Page:
        if name not in self._pages:
            self._pages[name] = self._read(name)
        return self._pages[name]

    def _read(self, name: str) -> _Page:
        entry = self._entry(name)
        if isinstance(entry, str):
            found = self._imported(name, entry)
            return _Page(value=found.value, version=version_of_file(found.module))
        home = home_of(entry)
        return _Page(value=entry, version=version_of_file(home.module) if home else None)

    def _imported(self, name: str, reference: str) -> Found:
        try:
            self._enter()
            return find(reference, folder=self._folder)
        except TrunklineError:
            raise
        except (Exception, SystemExit) as error:
            raise GraphLoadError(name=name, reference=reference, remedy=self._remedy(error), cause=error) from error

    def _enter(self) -> None:
        if self.project and not self._entered:
            self.project.enter()
            log.info("langgraph_json.read path=%s ignored=%s", self.project.path, ",".join(self.project.ignored))
        self._entered = True

    def _remedy(self, error: BaseException) -> str:
        if not isinstance(error, ModuleNotFoundError):
            return "mend its module, which must be importable without running anything"
        if command := self.project and self.project.installation:
            return f"the dependencies of {FILE_NAME} are not installed for you: {command}"
        return f"install what provides {error.name}, or put its folder on PYTHONPATH"
