"""Messages of any size over a server that takes small ones: cut into numbered parts, and put together again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from secrets import token_hex

from trunkline.runtime.bus.switchboard import Switchboard

HEADER_BYTES = 48
"""What a part has at most beside its piece of the message."""


class Scissors:
    """Cuts the messages of one publisher. A part is `publisher message part parts` in words, a line end, and its piece.

    No two parts are equal, so a server that drops repeated messages drops none. An empty message stays empty.
    """

    def __init__(self, *, size: int) -> None:
        self._size = size - HEADER_BYTES
        self._publisher, self._numbers = token_hex(6), count()

    def cut(self, message: bytes) -> Iterator[bytes]:
        """Cut a message into parts of `size` bytes at most."""
        if not message:
            yield b""
            return
        number, parts = next(self._numbers), -(-len(message) // self._size)
        for part in range(parts):
            piece = message[part * self._size : (part + 1) * self._size]
            yield b"%s %x %x %x\n" % (self._publisher.encode(), number, part, parts) + piece


class Glue:
    """Hands messages to the switchboard when all their parts are there. Where a part is missing the topic is told."""

    def __init__(self, switchboard: Switchboard) -> None:
        self._switchboard = switchboard
        self._begun: dict[tuple[str, bytes], tuple[bytes, list[bytes]]] = {}

    def add(self, topic: str, part: bytes) -> None:
        """Take what came for a topic; the parts of one message come in order, those of several publishers mixed."""
        if not part:
            self._switchboard.pass_on(topic, b"")
            return
        header, _, piece = part.partition(b"\n")
        publisher, number, index, parts = header.split(b" ")
        if index == b"0":
            if (topic, publisher) in self._begun:
                self._switchboard.tell_missed(topic)
            self._begun[topic, publisher] = number, []
        begun, pieces = self._begun.get((topic, publisher), (b"", []))
        if begun != number or len(pieces) != int(index, 16):
            self._begun.pop((topic, publisher), None)
            self._switchboard.tell_missed(topic)
            return
        pieces.append(piece)
        if len(pieces) == int(parts, 16):
            del self._begun[topic, publisher]
            self._switchboard.pass_on(topic, b"".join(pieces))
