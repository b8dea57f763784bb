"""What a process remembers of the threads that it works on, so that it need not ask the database again.

Nothing here is trusted blindly: a thread's row says whether anything has changed since, and a reader or writer who has
the row decides what still holds.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar

Key = TypeVar("Key")
Kept = TypeVar("Kept")
_DIGESTS = 200_000
_RECORDS = 2_000
_THREADS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadState:
    """A thread's row, as it was read."""

    id: int
    elements: int
    singles: int
    changes: int
    removals: int
    token: int | None
    deleted: bool

    @property
    def items(self) -> tuple[int, int]:
        """How many items the thread has had, of either kind."""
        return self.elements, self.singles

    @classmethod
    def of(cls, row: Any) -> ThreadState:
        """Return the state in a row that has the thread's columns."""
        return cls(**{name: getattr(row, name) for name in cls.__slots__})


@dataclass(slots=True, kw_only=True)
class ThreadMemory:
    """What is known of a thread."""

    state: ThreadState
    """The row when this was learnt. Items stay where they are until `removals` moves."""

    complete: bool = False
    """Whether `numbers` has every item that the thread had then."""

    numbers: dict[bytes, int] = field(default_factory=dict[bytes, int])
    """By digest."""

    digests: dict[int, bytes] = field(default_factory=dict[int, bytes])
    """By number."""

    heads: dict[str, str | None] = field(default_factory=dict[str, str | None])
    """The newest checkpoint of a namespace then, None where there was none."""


class RecordKey(NamedTuple):
    """A checkpoint within one generation of its thread's items."""

    thread: int
    removals: int
    ns: str
    checkpoint_id: str


class Recall:
    """The memories of a process, the oldest of which are given up when they are too many."""

    def __init__(self) -> None:
        self._threads: OrderedDict[str, ThreadMemory] = OrderedDict()
        self._digests = 0
        self._lock = Lock()  # transactions run in threads
        self.places: Recent[RecordKey, bytes] = Recent(_RECORDS)
        """Of checkpoints; see `pack_places`."""

    def knows(self, thread: str) -> bool:
        """Whether anything is known of the thread, its row above all."""
        return thread in self._threads

    def remembered(self, thread: str) -> ThreadMemory | None:
        """Return what is known of the thread, for one who finds out at the end whether it still holds."""
        with self._lock:
            if memory := self._threads.get(thread):
                self._threads.move_to_end(thread)
                return replace(memory, heads=dict(memory.heads))
            return None

    def valid(self, thread: str, state: ThreadState) -> ThreadMemory:
        """Return what still holds of what is known, now that the thread's row is this one."""
        with self._lock:
            memory = self._threads.get(thread)
            if memory is None or (memory.state.id, memory.state.removals) != (state.id, state.removals):
                self._forget(thread)
                return ThreadMemory(state=state, complete=state.items == (0, 0))
            self._threads.move_to_end(thread)
            current = memory.state.changes == state.changes
            return ThreadMemory(
                state=state,
                complete=memory.complete and memory.state.items == state.items,
                numbers=memory.numbers,
                heads=dict(memory.heads) if current else {},
            )

    def learn(
        self,
        thread: str,
        state: ThreadState,
        *,
        before: ThreadState,
        numbers: dict[bytes, int],
        heads: dict[str, str | None],
    ) -> None:
        """Remember the thread's items and newest checkpoints as they are in `state`.

        What was known in the state `before` holds in this one as well. A memory that is newer is only added to.
        """
        with self._lock:
            memory = self._threads.get(thread)
            if memory is None or memory.state.removals < state.removals:
                self._forget(thread)
                memory = self._threads[thread] = ThreadMemory(state=state, complete=before.items == (0, 0))
            if memory.state.removals > state.removals:
                return
            if memory.state.changes <= state.changes:
                if memory.state.changes < before.changes:  # another process wrote in between
                    memory.complete = memory.complete and memory.state.items == before.items
                    memory.heads.clear()
                memory.state = state
                memory.heads.update(heads)
            self._digests -= len(memory.numbers)
            memory.numbers.update(numbers)
            memory.digests.update(zip(numbers.values(), numbers.keys(), strict=True))
            self._digests += len(memory.numbers)
            while (self._digests > _DIGESTS and len(self._threads) > 1) or len(self._threads) > _THREADS:
                self._forget(next(iter(self._threads)))

    def digests(self, thread: str, state: ThreadState) -> dict[int, bytes]:
        """Return the digests of the thread's items that are known, now that its row is this one."""
        with self._lock:
            memory = self._threads.get(thread)
            same = memory and (memory.state.id, memory.state.removals) == (state.id, state.removals)
            return memory.digests if memory and same else {}

    def forget(self, thread: str) -> None:
        """Drop what is known of the thread."""
        with self._lock:
            self._forget(thread)

    def _forget(self, thread: str) -> None:
        memory = self._threads.pop(thread, None)
        self._digests -= len(memory.numbers) if memory else 0


class Recent(Generic[Key, Kept]):
    """The newest of many values."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key) -> Kept | None:
        """Return the value, if it is still kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: Key, value: Kept) -> None:
        """Keep the value."""
        with self._lock:
            self._kept[key] = value
            self._kept.move_to_end(key)
            if len(self._kept) > self._limit:
                self._kept.popitem(last=False)
