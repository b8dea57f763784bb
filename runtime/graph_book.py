"""The graphs that a process knows by name, so that any worker can take up a run that waits in the queue."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from langchain_core.runnables import RunnableConfig

from trunkline.errors import GraphLoadError, TrunklineError, UnknownGraphError, UnnamedGraphError
from trunkline.runtime.graph_factory import GraphFactory, made
from trunkline.runtime.homes import home_of, version_of_file
from trunkline.runtime.references import Found, find
from trunkline.runtime.runnable import Runnable, is_runnable


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What has been loaded under a name."""

    value: Runnable | GraphFactory
    version: str | None


class GraphBook:
    """Finds graphs by the names that are stored with queued runs, and names them.

    A name is one of those given in code, or a reference: `package.module:name` or `path.py:name`. `graphs` are agents,
    graphs, functions that make one for each run, or references to any of these; `folder` is where references are
    looked for; left out, the working folder. Each name is loaded once; what could not be loaded is tried again.
    """

    def __init__(
        self, graphs: Mapping[str, Runnable | GraphFactory | str] | None = None, *, folder: Path | None = None
    ) -> None:
        self._graphs = dict(graphs or {})
        self._folder = (folder or Path.cwd()).resolve()
        self._pages: dict[str, _Page] = {}

    @property
    def names(self) -> list[str]:
        """The names that are registered; references need not be."""
        return sorted(self._graphs)

    def load_all(self) -> None:
        """Load every registered graph: a worker does it before it claims its first run, as an import takes its time.

        Errors are those of `load`; the first one ends it.
        """
        for name in self.names:
            self.load(name)

    def load(self, name: str) -> Runnable | GraphFactory:
        """Return what is known by the name; the first time, its module is imported.

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
        for name, entry in self._graphs.items():
            if entry is graph:
                return name
        for name, page in self._pages.items():
            if page.value is graph:
                return name
        return self._name_from_home(graph)

    def _name_from_home(self, graph: Runnable | GraphFactory) -> str:
        home = home_of(graph)
        name = home.reference(folder=self._folder) if home else None
        if home is None or name is None:
            raise UnnamedGraphError(graph=repr(graph))
        self._pages[name] = _Page(value=graph, version=version_of_file(home.module))
        return name

    def _entry(self, name: str) -> Runnable | GraphFactory | str:
        """What is registered under the name; a reference need not be, and stands for itself."""
        if name not in self._graphs and ":" not in name:
            raise UnknownGraphError(name=name, known=self.names)
        return self._graphs.get(name, name)

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
            return find(reference, folder=self._folder)
        except TrunklineError:
            raise
        except (Exception, SystemExit) as error:
            raise GraphLoadError(name=name, reference=reference, remedy=_remedy(error), cause=error) from error


def _remedy(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"install what provides {error.name}, or put its folder on PYTHONPATH"
    return "mend its module, which must be importable without running anything"
