"""A bus that does what buses may do: it loses, repeats and delays messages."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import Random

from trunkline.runtime.bus.bus import Bus, Listener


class UnreliableBus:
    """Passes to another bus what it does not lose; the same seed and the same messages have the same fate.

    A late message is published behind a later one, or by `catch_up`. Each rate is the share of messages, from 0 to 1.
    """

    rings_at_commit = False

    def __init__(self, bus: Bus, *, seed: int, lost: float = 0.2, repeated: float = 0.2, late: float = 0.2) -> None:
        self._bus, self._random = bus, Random(seed)
        self._lost, self._repeated, self._late = lost, repeated, late
        self._kept: list[tuple[str, bytes]] = []

    async def publish(self, topic: str, message: bytes = b"") -> None:
        """Publish the message; or not, or twice, or later."""
        draw = self._random.random
        if draw() < self._lost:
            return
        times = 2 if draw() < self._repeated else 1
        letters = [(topic, message)] * times
        if draw() < self._late:
            self._kept += letters
            return
        due = [letter for letter in self._kept if draw() < self._late]
        for letter in due:
            self._kept.remove(letter)
        await self._publish_all(letters + due)

    async def catch_up(self) -> None:
        """Publish all that is late."""
        kept, self._kept = self._kept, []
        await self._publish_all(kept)

    @asynccontextmanager
    async def listen(self, *topics: str) -> AsyncGenerator[Listener]:
        """Hear what comes through."""
        async with self._bus.listen(*topics) as listener:
            yield listener

    async def _publish_all(self, letters: list[tuple[str, bytes]]) -> None:
        for topic, message in letters:
            await self._bus.publish(topic, message)
