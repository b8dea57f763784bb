"""The port: what a bus is to those who ring, tell and listen."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A message that came over the bus."""

    topic: str
    message: bytes = b""


@dataclass(frozen=True, slots=True)
class Missed:
    """Messages may have been lost here: look for yourself, in the queue or in the event log.

    It stands where they would have stood. The buffer of this listener was full, or the bus was down.
    """


class Listener(Protocol):
    """What came for one listener since it was picked up last; for one task at a time."""

    def __aiter__(self) -> Listener:
        """Go through what comes, without end."""
        ...

    async def __anext__(self) -> Heard | Missed:
        """Wait for what comes next. Cancelled, it has taken nothing."""
        ...

    async def next(self, *, within: float) -> Heard | Missed | None:
        """Wait so many seconds for what comes next; None if nothing does. Cancelled, it has taken nothing."""
        ...


class Bus(Protocol):
    """Wakes and tells other processes. A message may be lost, repeated or late: whoever listens also looks by itself.

    Every listener of a topic hears every message of it; those that one publisher sends on one topic come in order.
    A message that is empty is a ring: one that was not picked up yet stands for all of its topic.
    """

    @property
    def rings_at_commit(self) -> bool:
        """Whether `storage.ringing` reaches the listeners: a ring that is part of a transaction of the database."""
        ...

    async def publish(self, topic: str, message: bytes = b"") -> None:
        """Hand a message over to be sent. Never raises because the bus is down, and waits a moment at the longest."""
        ...

    def listen(self, *topics: str) -> AbstractAsyncContextManager[Listener]:
        """Hear what is published on these topics from the beginning of the block on.

        While the bus is down the block begins all the same, and hears `Missed` when the bus is back.
        """
        ...
