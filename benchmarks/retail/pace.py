"""How long the shop takes to answer: the seconds that a call waits, and where in the call it waits them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from math import log
from random import Random
from time import perf_counter

Delay = Callable[[str, Mapping[str, object]], float]
"""Tells the seconds that a call takes, from the tool's name and the arguments."""


class Pace:
    """Makes calls take their time where a wrong order would show, and tells how long the shop was at work.

    A read waits and then looks, so that it sees a later write that overtook it. A write looks, waits, and then writes
    what it worked out from what it saw, so that it overwrites whatever was written meanwhile.
    """

    def __init__(self, delay: Delay) -> None:
        self._delay = delay
        self._began: float | None = None
        self._ended = 0.0

    async def wait(self, tool: str, /, **arguments: object) -> None:
        """Let the seconds of this call pass."""
        if self._began is None:
            self._began = perf_counter()
        await asyncio.sleep(self._delay(tool, arguments))
        self._ended = perf_counter()

    @property
    def seconds(self) -> float:
        """From the first call to the last answer, since the last `restart`."""
        return 0.0 if self._began is None else self._ended - self._began

    def restart(self) -> None:
        """Forget all calls so far."""
        self._began = None


class LogNormalDelay:
    """Delays as services have them: most near the median, a few several times longer, none above the cap.

    The same seed, tool and arguments always give the same seconds, so that two ways to run a task can be compared.
    """

    SPREAD = 0.8
    """Standard deviation of the logarithm: one call in twenty takes more than 3.7 times the median."""

    def __init__(self, seed: int, *, median: float = 0.005, cap: float = 0.040) -> None:
        self._seed, self._median, self._cap = seed, median, cap

    def __call__(self, tool: str, arguments: Mapping[str, object]) -> float:
        """Return the seconds that a call takes."""
        dice = Random(json.dumps([self._seed, tool, arguments], sort_keys=True))
        return min(dice.lognormvariate(log(self._median), self.SPREAD), self._cap)
