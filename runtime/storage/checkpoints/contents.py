"""The items of a thread that its checkpoints refer to, and the values made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from langgraph.checkpoint.serde.types import _DeltaSnapshot  # pyright: ignore[reportPrivateUsage]
from sqlalchemy import between, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import StateMissingError
from trunkline.runtime.storage.checkpoints.codec import Codec
from trunkline.runtime.storage.checkpoints.frame import digest, unframe
from trunkline.runtime.storage.checkpoints.images import Image
from trunkline.runtime.storage.checkpoints.manifest import Entry, elements, nodes_in, opened
from trunkline.runtime.storage.checkpoints.operations import Value
from trunkline.runtime.storage.checkpoints.record import DELTA_LIST, Place
from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.state_tables import StateItemRow

_GAP = 16
"""Items that are read in vain rather than asked around."""

_FEW, _MANY = 3, 100
"""Ranges in one query, which is prepared for so many."""


def _in_ranges(count: int) -> Any:
    inside = or_(*(between(StateItemRow.number, bindparam(f"a{at}"), bindparam(f"b{at}")) for at in range(count)))
    columns = (StateItemRow.number, StateItemRow.digest, StateItemRow.data)
    return select(*columns).where(StateItemRow.thread == bindparam("thread"), inside)


_IN_FEW_RANGES, _IN_MANY_RANGES = _in_ranges(_FEW), _in_ranges(_MANY)


Known = Callable[[Sequence[int]], Sequence[Image | None]]
"""Returns the images of items, None for those of which the process has none."""


class Contents:
    """Items of one thread."""

    def __init__(self, thread: int, name: str, seal: Seal, known: Known | None = None) -> None:
        self._thread, self._name, self._seal = thread, name, seal
        self._known = known or _nothing
        self._images: dict[int | bytes, Image] = {}
        self._plain: dict[int, bytes] = {}
        self.digests: dict[int, bytes] = {}
        """Of the items that were read."""

    async def load(self, connection: AsyncConnection, places: Iterable[Place]) -> None:
        """Read what the places refer to: one query, and one more for each level of nodes."""
        entries = _entries(places)
        while entries:
            await self._read(connection, self._unknown(entries))
            entries = self._inside(nodes_in(entries))

    def lacks(self, places: Iterable[Place]) -> bool:
        """Whether the database must be read for what the places refer to."""
        return bool(self._unknown(_entries(places)))

    async def reach(self, connection: AsyncConnection, places: Iterable[Place]) -> set[int]:
        """Return the numbers of all that the places refer to. Only nodes are read."""
        entries, reached = _entries(places), set[int]()
        while entries:
            reached.update(_numbers(entries))
            await self._read(connection, nodes_in(entries))
            entries = self._inside(nodes_in(entries))
        return reached

    def value(self, place: Place, codec: Codec) -> Any:
        """Return the value at a place."""
        if not isinstance(place, dict):
            return self._elements([place], codec)[0]
        ((kind, entries),) = place.items()
        made = self._elements(list(elements(self._opened(entries))), codec)
        return _DeltaSnapshot(made) if kind == DELTA_LIST else made

    def _elements(self, there: Sequence[int | bytes], codec: Codec) -> list[Any]:
        """Return the values of items and small frames; what is there twice is made twice."""
        images = [*map(self._images.get, there)]
        loaded = iter(
            codec.load_each([self._value(one) for one, image in zip(there, images, strict=True) if not image])
        )
        return [image.build() if image else next(loaded) for image in images]

    def _value(self, element: int | bytes) -> Value:
        if isinstance(element, bytes):
            return Value(plain=element, digest=digest(element))
        return Value(plain=self._plain[element], digest=self.digests[element])

    def _opened(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        while nodes := nodes_in(entries):
            entries = opened(entries, {node: self._node(node) for node in nodes})
        return entries

    def _inside(self, nodes: Iterable[int]) -> list[Entry]:
        return opened(nodes, {node: self._node(node) for node in nodes})

    def _node(self, number: int) -> bytes:
        return unframe(self._plain[number])[1]

    def _unknown(self, entries: Iterable[Entry]) -> list[int]:
        """Return the numbers of the items that must be read, and take the images of the others."""
        numbers = _numbers(entries)
        found = dict(zip(numbers, self._known(numbers), strict=True))
        self._images.update((number, image) for number, image in found.items() if image)
        return [number for number, image in found.items() if image is None]

    async def _read(self, connection: AsyncConnection, numbers: Iterable[int]) -> None:
        wanted = set(numbers) - self._plain.keys()
        ranges = _ranges(sorted(wanted))
        for at in range(0, len(ranges), _MANY):
            some = ranges[at : at + _MANY]
            query, size = (_IN_FEW_RANGES, _FEW) if len(some) <= _FEW else (_IN_MANY_RANGES, _MANY)
            found: Any = await connection.execute(query, {"thread": self._thread, **_bounds(some, size)})
            rows = [row for row in found.all() if row[0] in wanted]
            for (number, stored, _), plain in zip(rows, self._seal.open_items(self._name, rows), strict=True):
                self._plain[number] = plain
                self.digests[number] = self._seal.digest(stored, plain)
        if missing := wanted - self._plain.keys():
            raise StateMissingError(thread=self._name, items=len(missing))


def _nothing(numbers: Sequence[int]) -> Sequence[None]:
    return [None] * len(numbers)


def _entries(places: Iterable[Place]) -> list[Entry]:
    entries: list[Entry] = []
    for place in places:
        if isinstance(place, dict):
            entries.extend(entry for held in place.values() for entry in held)
        elif isinstance(place, int):
            entries.append([place, 1])
    return entries


def _numbers(entries: Iterable[Entry]) -> Sequence[int]:
    numbers: list[int] = []
    for entry in entries:
        if isinstance(entry, int):
            numbers.append(entry)
        elif not isinstance(entry, bytes):
            numbers.extend(range(entry[0], entry[0] + entry[1]))
    return numbers


def _ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and number - ranges[-1][1] <= _GAP:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def _bounds(ranges: Sequence[tuple[int, int]], size: int) -> dict[str, int]:
    """Return a query's parameters; ranges that are not needed are that of item 0, which there never is."""
    full = [*ranges, *[(0, 0)] * (size - len(ranges))]
    return {f"{end}{at}": span[side] for at, span in enumerate(full) for side, end in enumerate("ab")}
