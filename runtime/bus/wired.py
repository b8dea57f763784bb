"""A bus over a server: whichever it is, the connection is held, watched and made again in the same way."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Protocol, Self, TypeAlias

from trunkline.runtime.bus.bus import Listener
from trunkline.runtime.bus.switchboard import Switchboard
from trunkline.tools.backoff import Backoff
from trunkline.tools.shielding import is_cancelled, to_its_end

log = logging.getLogger("trunkline.bus")

ANSWER_SECONDS = 5.0
"""How long a server may take for an answer before the connection is given up."""

_CAPACITY = 1024
_BATCH = 256
_PATIENCE = 0.25  # seconds that a publisher waits for room; then the oldest message makes it
_FLUSH_SECONDS = 1.0
_BACKOFF = Backoff(base=0.1, cap=5.0)
_STEADY_SECONDS = 60.0  # a connection that held so long is not the next attempt of an outage

Letter: TypeAlias = tuple[str, bytes]
"""A topic and a message."""


class Wire(Protocol):
    """One connection to a server. Whatever it raises means that the connection is gone."""

    async def run(self) -> None:
        """Hand what comes in to the switchboard, until the connection breaks."""
        ...

    async def subscribe(self, topics: Collection[str]) -> None:
        """Return when the server passes these topics on to us."""
        ...

    async def unsubscribe(self, topics: Collection[str]) -> None:
        """Tell the server that nobody listens to these topics any more."""
        ...

    async def send(self, letters: Sequence[Letter]) -> None:
        """Return when the server has these, in order."""
        ...


Dial: TypeAlias = Callable[[Switchboard], AbstractAsyncContextManager[Wire]]
"""Connects to the server for a block."""


class WiredBus:
    """A bus over a server. While that is down, messages wait, and the oldest make room for the newest.

    What was on its way when the connection broke is lost. `async with` holds the connection and one task; at the end
    of the block it sends what waits, for a second at most.
    """

    def __init__(self, dial: Dial, *, shown: str, rings_at_commit: bool = False) -> None:
        self.rings_at_commit = rings_at_commit
        self._dial, self._shown = dial, shown
        self._switchboard = Switchboard()
        self._subscribed: set[str] = set()
        self._wishes = asyncio.Event()  # somebody began or ended to listen
        self._settled = asyncio.Condition()  # for those who begin to listen: either subscribed, or down
        self._down = False
        self._needed = asyncio.Event()  # somebody has spoken, or wants to hear: before, there is no connection
        self._outgoing = asyncio.Queue[Letter](_CAPACITY)
        self._rung: set[str] = set()

    async def __aenter__(self) -> Self:
        """Be ready to connect when the bus is used first; whether the server is there or not."""
        self._task = asyncio.create_task(self._stay_connected(), name=f"bus {self._shown}")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Send what waits, and disconnect."""
        try:
            if not self._down:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_FLUSH_SECONDS):
                        await self._outgoing.join()
        finally:
            self._task.cancel()
            await to_its_end(_ended(self._task), name=f"bus {self._shown} closes")

    async def publish(self, topic: str, message: bytes = b"") -> None:
        """Hand a message over to be sent. Cancelled while it waits for room, the message is not sent."""
        self._needed.set()
        if not message and topic in self._rung:
            return
        try:
            async with asyncio.timeout(0 if self._down else _PATIENCE):
                await self._outgoing.put((topic, message))
        except TimeoutError:
            self._make_room()
            self._outgoing.put_nowait((topic, message))
        if not message:
            self._rung.add(topic)

    @asynccontextmanager
    async def listen(self, *topics: str) -> AsyncGenerator[Listener]:
        """Hear what is published on these topics during the block."""
        self._needed.set()
        try:
            with self._switchboard.plugged_in(*topics) as mailbox:
                self._wishes.set()
                async with self._settled:
                    await self._settled.wait_for(lambda: self._down or self._subscribed.issuperset(topics))
                yield mailbox
        finally:
            self._wishes.set()

    async def _stay_connected(self) -> None:
        clock, attempt = asyncio.get_running_loop(), 0
        await self._needed.wait()
        while True:
            began = clock.time()
            try:
                async with self._dial(self._switchboard) as wire:
                    _raise_cancelled()
                    await self._serve(wire)
            except Exception as error:  # noqa: BLE001 - drivers raise what they like, and no publisher is to fail of it
                await self._note_lost(error)
            attempt = 1 if clock.time() - began > _STEADY_SECONDS else attempt + 1
            await asyncio.sleep(_BACKOFF.seconds(attempt, draw=random.random(), retry_after=None))

    async def _serve(self, wire: Wire) -> None:
        """Work until one duty fails; never returns."""
        duties = [  # not in a TaskGroup: in Python 3.11 one that fails leaves its own task marked as cancelled
            asyncio.create_task(wire.run(), name=f"bus {self._shown} hears"),
            asyncio.create_task(self._keep_subscribed(wire), name=f"bus {self._shown} subscribes"),
            asyncio.create_task(self._keep_sending(wire), name=f"bus {self._shown} sends"),
        ]
        try:
            await asyncio.wait(duties, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for duty in duties:
                duty.cancel()
            await asyncio.wait(duties)
        failures = [duty.exception() for duty in duties if not duty.cancelled()]
        raise next(failure for failure in failures if failure)

    async def _keep_subscribed(self, wire: Wire) -> None:
        while True:
            self._wishes.clear()
            if new := set(self._switchboard.topics) - self._subscribed:
                await _answered(wire.subscribe(new))
                self._subscribed |= new
            await self._note_settled()
            if old := self._subscribed - set(self._switchboard.topics):
                self._subscribed -= old  # first: who wants one of them again meanwhile must not find it here
                await _answered(wire.unsubscribe(old))
            await self._wishes.wait()

    async def _keep_sending(self, wire: Wire) -> None:
        while True:
            letters = [self._taken(await self._outgoing.get())]
            while len(letters) < _BATCH and not self._outgoing.empty():
                letters.append(self._taken(self._outgoing.get_nowait()))
            try:
                await _answered(wire.send(letters))
            finally:
                for _ in letters:
                    self._outgoing.task_done()

    def _make_room(self) -> None:
        if self._outgoing.full():
            self._taken(self._outgoing.get_nowait())
            self._outgoing.task_done()

    def _taken(self, letter: Letter) -> Letter:
        topic, message = letter
        if not message:
            self._rung.discard(topic)
        return letter

    async def _note_lost(self, error: Exception) -> None:
        self._subscribed.clear()
        if not self._down:
            log.warning("bus.lost bus=%s error=%s: %s", self._shown, type(error).__name__, " ".join(str(error).split()))
            log.debug("bus.lost_traced bus=%s", self._shown, exc_info=error)
        async with self._settled:
            self._down = True
            self._settled.notify_all()

    async def _note_settled(self) -> None:
        async with self._settled:
            if self._down:
                self._down = False
                self._switchboard.tell_missed()
                log.warning("bus.restored bus=%s", self._shown)
            self._settled.notify_all()


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.wait([task])


async def _answered(question: Coroutine[Any, Any, None]) -> None:
    async with asyncio.timeout(ANSWER_SECONDS):
        await question
    _raise_cancelled()


def _raise_cancelled() -> None:
    """Drivers lose a cancellation that comes together with an answer: `asyncio.wait_for` did before Python 3.12."""
    if is_cancelled():
        raise asyncio.CancelledError
