"""What runs have handed over and the database does not have yet, and what was lost on the way.

With LangGraph's durability `async` nobody waits for a save before the end of the run, and an error is looked at only
there. But before each step the run asks for a version that follows its newest; from that the saver knows which run it
is, and stops one that has lost something or is too far ahead.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trunkline.errors import SavesBehindError
from trunkline.runtime.storage.checkpoints.operations import Operation, SaveCheckpoint
from trunkline.runtime.storage.checkpoints.recall import Recent

AHEAD = 1000
"""Checkpoints of which a run's tasks may have handed over writes that are not saved."""

_LINES = 20_000


@dataclass(slots=True)
class Line:
    """A run of a graph in one namespace, from what it began with."""

    error: Exception | None = None
    """Why something of it was not saved."""

    under_way: Counter[str] = field(default_factory=Counter[str])
    """How many saves there are by checkpoint."""


class Backlog:
    """What is under way of all runs of a process."""

    def __init__(self) -> None:
        self._saves: dict[str, set[asyncio.Future[Any]]] = {}
        self._by_version: Recent[Any, Line] = Recent(_LINES)
        self._by_place: Recent[tuple[str, str], Line] = Recent(_LINES)

    def begin(self, thread: str, ns: str, versions: Mapping[str, Any]) -> None:
        """Note that a run may begin at a checkpoint with these versions. What another one lost is not its own."""
        line = self._by_place.get((thread, ns))
        if line is None or line.error:
            line = Line()
            self._by_place.put((thread, ns), line)
        self._by_version.put(max(versions.values(), default=None), line)

    def follow(self, current: Any, following: Any) -> None:
        """Note that a run takes its next step. Raises what it has lost, and `SavesBehindError`."""
        line = (self._by_version.get(current) if current is not None else None) or Line()
        if line.error:
            raise line.error
        if len(line.under_way) > AHEAD:
            raise SavesBehindError(checkpoints=len(line.under_way))
        self._by_version.put(following, line)

    def add(self, operation: Operation, saving: asyncio.Future[Any]) -> None:
        """Note that this is being saved."""
        line = self._line(operation)
        line.under_way[operation.checkpoint_id] += 1
        saves = self._saves.setdefault(operation.thread, set())
        saves.add(saving)

        def done(saving: asyncio.Future[Any]) -> None:
            line.under_way[operation.checkpoint_id] -= 1
            if not line.under_way[operation.checkpoint_id]:
                del line.under_way[operation.checkpoint_id]
            if not saving.cancelled() and isinstance(error := saving.exception(), Exception):
                line.error = line.error or error
            saves.discard(saving)
            if not saves and self._saves.get(operation.thread) is saves:
                del self._saves[operation.thread]

        saving.add_done_callback(done)

    async def settled(self, thread: str) -> None:
        """Wait for what is on its way to the thread: a run that was cancelled may have left something."""
        if saves := self._saves.get(thread):
            await asyncio.wait(set(saves))

    async def all_settled(self) -> None:
        """Wait for what is on its way to any thread."""
        if saves := [saving for saves in self._saves.values() for saving in saves]:
            await asyncio.wait(saves)

    def _line(self, operation: Operation) -> Line:
        place = operation.thread, operation.ns
        if not isinstance(operation, SaveCheckpoint):
            return self._by_place.get(place) or Line()
        versions: Mapping[str, Any] = operation.checkpoint["channel_versions"]
        line = self._by_version.get(max(versions.values(), default=None)) or Line()
        self._by_place.put(place, line)
        return line
