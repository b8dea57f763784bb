"""The beginnings of runs, kept back for a moment so that they are committed together with what follows at once.

Before its first node a graph of LangGraph's saves its input as a checkpoint, then what the pseudo-node `__start__`
makes of it, then the checkpoint from which the first node starts. Nothing of the user's runs in between, so that one
commit does for all three: whoever waits for the last one waits for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from langchain_core.runnables import RunnableConfig
from langgraph.constants import START

from trunkline.graphs.scope import scope_of
from trunkline.runtime.storage.checkpoints.operations import Operation, SaveCheckpoint, SaveWrites

_MOMENT = 0.01
"""Seconds for which a beginning is kept back: in a graph without `__start__` nothing may follow for long."""

_Place = tuple[str, str]
"""A thread and a namespace."""


class Openings:
    """The beginnings that are kept back in a process. Only runs that Trunkline conducts have any."""

    def __init__(self, save: Callable[[Sequence[Operation]], object]) -> None:
        """`save` begins to save what nothing has followed."""
        self._save = save
        self._held: dict[_Place, list[Operation]] = {}
        self._timers: dict[_Place, asyncio.TimerHandle] = {}

    def takes(self, operation: Operation, config: RunnableConfig) -> bool:
        """Keep the operation back if it belongs to the beginning of a run, and return whether it does."""
        place = operation.thread, operation.ns
        match operation:
            case SaveCheckpoint() if operation.metadata.get("source") == "input" and scope_of(config):
                self.let_go(operation.thread)
                self._held[place] = [operation]
                later = asyncio.get_running_loop().call_later
                self._timers[place] = later(_MOMENT, self.let_go, operation.thread)
                return True
            case SaveWrites() if place in self._held and _is_of_start(operation, self._held[place]):
                self._held[place].append(operation)
                return True
            case _:
                return False

    def before(self, operation: Operation) -> list[Operation]:
        """Return what is to be saved before the operation, together with it."""
        return self._taken((operation.thread, operation.ns))

    def let_go(self, thread: str | None = None) -> None:
        """Save what is kept back of a thread, or all."""
        for place in [place for place in self._held if thread in {None, place[0]}]:
            self._save(self._taken(place))

    def _taken(self, place: _Place) -> list[Operation]:
        if timer := self._timers.pop(place, None):
            timer.cancel()
        return self._held.pop(place, [])


def _is_of_start(writes: SaveWrites, held: Sequence[Operation]) -> bool:
    return writes.checkpoint_id == held[0].checkpoint_id and writes.task_path.endswith(f", {START}")
