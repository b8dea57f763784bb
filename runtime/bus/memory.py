"""The bus of one process: everybody who holds the same object hears each other."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from trunkline.runtime.bus.bus import Listener
from trunkline.runtime.bus.switchboard import Switchboard


class MemoryBus:
    """A bus within this object, for one event loop. It is never down, and a message is there when `publish` returns."""

    rings_at_commit = False

    def __init__(self) -> None:
        self._switchboard = Switchboard()

    async def publish(self, topic: str, message: bytes = b"") -> None:
        """Let everybody hear this who listens now."""
        self._switchboard.pass_on(topic, message)

    @asynccontextmanager
    async def listen(self, *topics: str) -> AsyncGenerator[Listener]:
        """Hear what is published on these topics during the block."""
        with self._switchboard.plugged_in(*topics) as mailbox:
            yield mailbox
