"""The turn that every contender serves, and the stopwatch that times it. Needs nothing but the standard library."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A turn: a model asks for so many calls at once, hears their results, and answers."""

    calls: int
    seconds: float
    """How long each call takes."""

    blocking: bool = False

    @property
    def title(self) -> str:
        """What the case is called."""
        kind = "blocking" if self.blocking else "async"
        length = f"{kind}, {self.seconds * 1000:.0f} ms each" if self.seconds else f"{kind}, instant"
        return f"{self.calls:,} {'call' if self.calls == 1 else 'calls'}, {length}"

    def function(self) -> Callable[..., Any]:
        """Return the function behind the tool `look_up`."""

        async def look_up(number: int) -> str:
            """Look something up."""
            await asyncio.sleep(self.seconds)
            return f"found {number}"

        def look_up_blocking(number: int) -> str:
            """Look something up, blocking a thread."""
            time.sleep(self.seconds)
            return f"found {number}"

        look_up_blocking.__name__ = "look_up"
        return look_up_blocking if self.blocking else look_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one turn took, in seconds."""

    calls: float
    """From the moment the model has asked for the calls until it is asked again, with their results."""

    turn: float
    """The whole turn, with both of the model's answers."""

    answered: int
    """Results that the model was given."""


Turn = Callable[[], Awaitable[Taken]]
"""Serves one turn of its own conversation."""


class Stopwatch:
    """Times one turn after another. The scripted model itself says when it has spoken and when it hears results."""

    def __init__(self) -> None:
        self._began = self._spoke = self._heard = 0.0
        self._answered = 0

    def begin(self) -> None:
        """The turn begins."""
        self._answered = 0
        self._began = time.perf_counter()

    def spoke(self) -> None:
        """The model has asked for the calls."""
        self._spoke = time.perf_counter()

    def heard(self, answered: int) -> None:
        """The model is called again, with so many results."""
        self._heard = time.perf_counter()
        self._answered = answered

    def end(self) -> Taken:
        """The turn has ended."""
        now = time.perf_counter()
        return Taken(calls=self._heard - self._spoke, turn=now - self._began, answered=self._answered)


def timed(work: Callable[[], Awaitable[object]], watch: Stopwatch) -> Turn:
    """Return the turn that does this work, in which a model uses the stopwatch."""

    async def turn() -> Taken:
        watch.begin()
        await work()
        return watch.end()

    return turn


def without_model(work: Callable[[], Awaitable[int]]) -> Turn:
    """Return the turn of a contender that has no model: its calls are all of it. The work returns how many it made."""

    async def turn() -> Taken:
        watch = Stopwatch()
        watch.begin()
        watch.spoke()
        watch.heard(await work())
        return watch.end()

    return turn
