"""A toolbox: the tools that an agent may call, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trunkline.errors import DuplicateToolError
from trunkline.tools.decorator import Adoptable, tool
from trunkline.tools.template import Template
from trunkline.tools.tool import Tool


class Toolbox:
    """An ordered set of tools with distinct names. Plain functions and LangChain's tools run alone.

    Raises `DuplicateToolError` for two tools of one name, and `ToolDeclarationError` for a function that is not typed.
    """

    def __init__(self, tools: Iterable[Tool | Adoptable] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for item in tools:
            made = item if isinstance(item, Tool) else tool(item)
            if earlier := self._tools.get(made.name):
                raise DuplicateToolError(tool=made.name, first=earlier.source, second=made.source)
            self._tools[made.name] = made

    def get(self, name: str) -> Tool | None:
        """Return the tool of this name, or None."""
        return self._tools.get(name)

    @property
    def names(self) -> list[str]:
        """The names of the tools, in the order in which they were given."""
        return list(self._tools)

    def specifications(self) -> list[dict[str, Any]]:
        """Return what a chat model is told of the tools."""
        return [made.specification() for made in self]

    def freed_by(self, found: Tool, arguments: Mapping[str, Any]) -> str | None:
        """Return the key that is free again once a call of this tool is done, as far as its arguments tell.

        A compensation frees the key of what it undoes; what is done again frees that of its compensation.
        """
        undone = next((other for other in self if other.compensate is found), found.compensate)
        if undone is None or not isinstance(undone.key, Template) or not undone.key.fields <= arguments.keys():
            return None
        return undone.key.fill(arguments)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)
