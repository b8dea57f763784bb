"""The order of the calls of a turn: for each the earlier ones that it has to wait for, found without comparing all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import chain

from trunkline.tools.access import ANYTHING, Access


class Ordering:
    """Takes the calls in the model's order, and names those that each must wait for.

    Those that it waits for through others are left out, except where telling would cost more than waiting for them.
    """

    def __init__(self) -> None:
        self._count = 0
        self._barrier: int | None = None
        """The last call that writes anything; what follows is kept from there on."""

        self._touching: list[int] = []
        self._writer: dict[str, int] = {}
        self._readers: defaultdict[str, list[int]] = defaultdict(list)
        """Those since the last writer, by resource."""

        self._readers_of_all: list[int] = []

    def before(self, access: Access) -> list[int]:
        """Return the positions of the calls that the next one, with this access, waits for."""
        position, self._count = self._count, self._count + 1
        if not access.reads and not access.writes:
            return []
        found = sorted(set(self._conflicting(access)))
        self._remember(position, access)
        return found

    def _conflicting(self, access: Access) -> Iterable[int]:
        barrier = [] if self._barrier is None else [self._barrier]
        if ANYTHING in access.writes:
            return chain(barrier, self._touching)
        if ANYTHING in access.reads:
            read: Iterable[int] = self._writer.values()
        else:
            read = (self._writer[name] for name in access.reads if name in self._writer)
        written = chain.from_iterable(self._since_written(name) for name in access.writes)
        readers = self._readers_of_all if access.writes else ()
        return chain(barrier, read, written, readers)

    def _since_written(self, name: str) -> Iterable[int]:
        writer = [self._writer[name]] if name in self._writer else []
        return chain(writer, self._readers.get(name, ()))

    def _remember(self, position: int, access: Access) -> None:
        if ANYTHING in access.writes:
            self._barrier = position
            for kept in (self._touching, self._writer, self._readers, self._readers_of_all):
                kept.clear()
            return
        self._touching.append(position)
        if ANYTHING in access.reads:
            self._readers_of_all.append(position)
        for name in access.reads - access.writes:
            self._readers[name].append(position)
        for name in access.writes:
            self._writer[name] = position
            self._readers.pop(name, None)
