"""Results of reads that may serve again, until their time is over or an effect changes what they read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from trunkline.tools.access import Access
from trunkline.tools.call import ToolCall
from trunkline.tools.outcome import Done
from trunkline.tools.tool import Tool

MOST = 4096
"""How many results are kept; the oldest go first."""


@dataclass(slots=True, eq=False)
class Reading:
    """A read that is under way, or whose result is kept."""

    access: Access
    result: Done | None = None
    until: float = 0.0


class ReadCache:
    """Keeps results of tools that declare `cache=`, in this process. A write elsewhere is not seen before the TTL.

    Each `Tool` has results of its own: one that is made for a conversation may be a closure over it.
    """

    def __init__(self) -> None:
        self._readings: OrderedDict[tuple[Tool, str], Reading] = OrderedDict()
        self._changing: list[Access] = []

    def find(self, call: ToolCall, now: float) -> Done | None:
        """Return the result that an equal call had, if it is still good. `now` is in monotonic seconds."""
        found = self._readings.get(_name(call)) if call.tool.cache else None
        return found.result if found and now < found.until else None

    def begin(self, call: ToolCall) -> Reading | None:
        """Note that the call begins to read, so that a result from before a write is not kept after it."""
        if not call.tool.cache:
            return None
        reading = self._readings[_name(call)] = Reading(access=call.access)
        if len(self._readings) > MOST:
            self._readings.popitem(last=False)
        return reading

    def keep(self, call: ToolCall, reading: Reading, result: Done, now: float) -> None:
        """Keep the result, unless an effect has changed what was read since the read began, or is about to."""
        if self._readings.get(_name(call)) is not reading or any(map(call.access.conflicts_with, self._changing)):
            return
        reading.result, reading.until = result, now + (call.tool.cache or 0.0)

    @contextmanager
    def changing(self, access: Access) -> Generator[None]:
        """Forget what conflicts with an effect, and keep nothing of it while the effect runs."""
        self._forget(access)
        self._changing.append(access)
        try:
            yield
        finally:
            self._changing.remove(access)
            self._forget(access)

    def _forget(self, access: Access) -> None:
        stale = [name for name, reading in self._readings.items() if reading.access.conflicts_with(access)]
        for name in stale:
            del self._readings[name]


def _name(call: ToolCall) -> tuple[Tool, str]:
    return call.tool, call.fingerprint
