"""What is checked: a toolbox over a world that can be had fresh, what to look at in it, and the calls to try."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from trunkline.errors import SubjectError
from trunkline.tools.call import ToolRequest
from trunkline.tools.toolbox import Toolbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A toolbox over a world of its own, which its tools may change and nobody else does."""

    toolbox: Toolbox
    calls: Sequence[ToolRequest]
    """What is tried, made with `ask`. Only what these calls do is checked: have several that touch the same things."""

    state: Callable[[], Any]
    """Returns all that the tools may change, as values that JSON can hold, sets as sorted lists; may be async."""

    reset: Callable[[], Any] | None = None
    """Makes the world as it was at first; may be async. Left out, a new subject is made for each of many runs."""

    ignore: Sequence[str] = ()
    """Patterns of fields that may differ between equal runs, like `tickets.*.opened_at` or `create_ticket.number`."""


World = Callable[[], Subject | AbstractAsyncContextManager[Subject]]
"""Makes a subject over a fresh world, each time an equal one; as an async context manager it may also clean up."""


def ask(tool: str, /, **arguments: Any) -> ToolRequest:
    """Ask for the tool of this name with these arguments, as a model would write them."""
    return ToolRequest(name=tool, arguments=arguments, tool_call_id=f"check_{tool}")


@asynccontextmanager
async def entered(world: World) -> AsyncGenerator[Subject]:
    """Make a subject, and clean up after it where the world knows how. Raises `SubjectError` for anything else."""
    made = world()
    if isinstance(made, Subject):
        yield made
        return
    if not hasattr(made, "__aenter__"):
        raise SubjectError(problem=f"it returns a {type(made).__name__}")
    async with made as subject:
        yield subject
