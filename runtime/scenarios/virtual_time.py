"""Virtual time: an event loop whose clock jumps to the next timer, and stands still while a thread works."""

from __future__ import annotations

import asyncio
import selectors
import sys
import time
from asyncio import Future
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, TypeVarTuple, Unpack

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

SHIFT_START = datetime(2025, 6, 2, 10, tzinfo=UTC)

_MOMENT = 0.001

_BRIDGES = ("asyncio.futures", "aiosqlite.core", "sqlalchemy.dialects.sqlite.aiosqlite")
"""The modules that make a future for a thread to answer: `asyncio.wrap_future`, which stands behind every executor,
and aiosqlite, whose connections each have a thread of their own, with SQLAlchemy's adapter to it."""


class _JumpingSelector(selectors.DefaultSelector):
    """Moves the clock to the next timer instead of waiting for it, unless something outside the loop is at work."""

    now = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.owed: set[Future[Any]] = set()
        """Answers that threads have not given yet."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.owed:
            return super().select(None if timeout is None or timeout > 0 else 0)
        if len(self.get_map()) > 1:  # more than the loop's own pipe: the other side of a socket has no virtual time
            return self._really_waited(timeout)
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready:
            self.now += timeout
        return ready

    def _really_waited(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        started = time.monotonic()
        ready = super().select(timeout)
        self.now += time.monotonic() - started
        return ready


class Life:
    """The life of a process that a scenario may end. What runs in its `context`, and all that comes of it, is its."""

    def __init__(self) -> None:
        self.context = copy_context()
        self.context.run(_life.set, self)


_life: ContextVar[Life | None] = ContextVar("trunkline_scenario_life", default=None)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in which waiting takes no time.

    Its clock moves only when every task waits for a timer, and then to that timer: work takes no virtual time, and two
    waits of 100 ms side by side take exactly 100 ms. While a thread owes an answer the clock stands still; while a
    socket is watched it runs as the clock on the wall does.
    """

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        self._frozen: set[Life] = set()
        self._parked: list[tuple[Callable[..., object], tuple[Any, ...], Context]] = []
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual time in seconds since the loop was made."""
        return self._jumping.now

    async def pass_over(self, seconds: float, *, stride: float = 300.0) -> None:
        """Let time pass in strides. What comes due within one is done at its end: minutes of polling cost one poll.

        Call it where nothing is under way but such duties; `asyncio.sleep` is for everything else.
        """
        until = self.time() + seconds
        while (left := until - self.time()) > _MOMENT:
            self._jumping.now += min(left, stride) - _MOMENT
            await asyncio.sleep(_MOMENT)  # it ends when all that is due now has been done

    def freeze(self, life: Life) -> None:
        """Let nothing run any more in contexts of this life, as if its process had been killed."""
        self._frozen.add(life)

    def thaw(self) -> None:
        """Go on with all that was frozen."""
        self._frozen.clear()
        parked, self._parked = self._parked, []
        for callback, arguments, context in parked:
            super().call_soon(callback, *arguments, context=context)

    def call_soon(
        self, callback: Callable[[Unpack[Arguments]], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.Handle:
        """Schedule a callback; one of a frozen life is put aside until `thaw`."""
        if self._frozen and context is not None and (life := context.get(_life)) and life in self._frozen:
            self._parked.append((callback, args, context))
            return asyncio.Handle(callback, args, self, context)
        return super().call_soon(callback, *args, context=context)

    def create_future(self) -> Future[Any]:
        """Return a future; one that a thread will answer holds the clock until it is done."""
        future = super().create_future()
        if sys._getframe(1).f_globals.get("__name__") in _BRIDGES:  # pyright: ignore[reportPrivateUsage]
            self._jumping.owed.add(future)
            future.add_done_callback(self._jumping.owed.discard, context=Context())  # of no life: it must run
        return future


class VirtualClock:
    """The clock of a line in virtual time: deadlines, back-offs and pauses pass with the event loop's timers."""

    def __init__(self, start: datetime = SHIFT_START) -> None:
        """Make it on the loop whose time it tells; transactions ask it from threads."""
        self._start = start
        self._loop = asyncio.get_running_loop()

    def now(self) -> datetime:
        """Return the virtual time of day."""
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Return the event loop's time, in seconds."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Wait, in virtual time."""
        await asyncio.sleep(seconds)


def in_virtual_time(work: Coroutine[Any, Any, Result]) -> Result:
    """Run the work to its end on a loop of its own, and return its result."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
