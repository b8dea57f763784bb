"""Permission to start something new, for a process that may have lost its right to act."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol


class Permit(Protocol):
    """Says when work may start. What has started goes on."""

    async def granted(self) -> None:
        """Return once something new may start: at once, as a rule."""
        ...


_PERMIT: ContextVar[Permit | None] = ContextVar("trunkline_permit", default=None)


def start_only_with(permit: Permit | None) -> None:
    """Let this task, and those that it starts from now on, ask for permission; None: they need none."""
    _PERMIT.set(permit)


async def permitted() -> None:
    """Return once this task may start an attempt at a tool call, a model call, or a step of a graph."""
    if (permit := _PERMIT.get()) is not None:
        await permit.granted()
