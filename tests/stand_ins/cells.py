"""Tools over named numbers, with declarations of choice: for what checks declarations."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from trunkline.tools import Tool, Toolbox, ToolRequest, current_call, tool
from trunkline.tools.checking import Subject


@dataclass(slots=True)
class Cells:
    """Numbers by name. A key that was seen takes effect once."""

    numbers: dict[str, int] = field(default_factory=lambda: {"a": 1, "b": 2, "c": 3})
    answers: dict[str, int] = field(default_factory=dict[str, int])

    async def add(self, cell: str, amount: int) -> int:
        """Read, wait, write: two that overlap lose a change."""
        key = current_call().key or ""
        if key in self.answers:
            return self.answers[key]
        number = self.numbers[cell]
        await asyncio.sleep(0)
        self.numbers[cell] = number + amount
        self.answers[key] = amount
        return amount

    async def look(self, cell: str) -> int:
        """Wait, then read."""
        await asyncio.sleep(0)
        return self.numbers[cell]


def subject(make: Callable[[Cells], Sequence[Tool]], *calls: ToolRequest, **options: Any) -> Callable[[], Subject]:
    """Return a world of three cells with these tools over it."""

    def world() -> Subject:
        cells = Cells()
        return Subject(toolbox=Toolbox(make(cells)), calls=calls, state=lambda: cells.numbers, **options)

    return world


def adder(cells: Cells, **declared: Any) -> Tool:
    """Return the tool `add`, declared right but for what is given."""

    async def add(cell: str, amount: int) -> int:
        """Add to a cell."""
        return await cells.add(cell, amount)

    right: dict[str, Any] = {"effect": "write", "key": "add:{cell}:{amount}", "writes": "cell:{cell}"}
    return tool(**(right | declared))(add)


def looker(cells: Cells, **declared: Any) -> Tool:
    """Return the tool `look`, declared right but for what is given."""

    async def look(cell: str) -> int:
        """Read a cell."""
        return await cells.look(cell)

    right: dict[str, Any] = {"effect": "read", "reads": "cell:{cell}"}
    return tool(**(right | declared))(look)
