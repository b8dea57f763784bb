"""`Speaker`: tells over the bus what a model says, while it says it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from pydantic import TypeAdapter

from trunkline.runtime.bus.bus import Bus
from trunkline.runtime.queue.topics import text_topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of text, said after an event of the thread and before the next."""

    after: int
    """The number of that event."""

    node: str
    text: str


_PIECE = TypeAdapter(Piece)


def piece_of(message: bytes) -> Piece:
    """Return the piece that came over the bus. Raises `pydantic.ValidationError`."""
    return _PIECE.validate_json(message)


class Speaker:
    """Publishes pieces of a run's text at once; those that come while it is busy go together."""

    def __init__(self, bus: Bus, run_id: str) -> None:
        self._bus, self._topic = bus, text_topic(run_id)
        self._waiting: dict[tuple[str, int], list[str]] = {}
        """By node and the event before them."""

        self._telling: asyncio.Task[None] | None = None

    def say(self, text: str, *, node: str, after: int) -> None:
        """Tell a piece of text without waiting for it."""
        self._waiting.setdefault((node, after), []).append(text)
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell(), name=f"speaker {self._topic}")

    def close(self) -> None:
        """Stop. What was not told yet is in the message that is finished by now."""
        if self._telling:
            self._telling.cancel()

    async def _tell(self) -> None:
        while self._waiting:
            node, after = next(iter(self._waiting))
            text = "".join(self._waiting.pop((node, after)))
            await self._bus.publish(self._topic, _PIECE.dump_json(Piece(after=after, node=node, text=text)))
        self._telling = None
