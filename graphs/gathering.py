"""Gathers calls of one message that arrive one by one, each in a task of its own, and runs them as one batch."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from trunkline.graphs.watch import CallWatcher
from trunkline.tools.call import CallResult, ToolCall, ToolRequest


@dataclass(slots=True, kw_only=True, eq=False)
class Asked:
    """A call of the batch that waits for its result."""

    position: int
    """Where it stands in the model's message."""

    request: ToolRequest
    watcher: CallWatcher
    result: asyncio.Future[CallResult] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def answer(self, result: CallResult) -> None:
        """Let the waiting task go on, unless it was cancelled."""
        if not self.result.done():
            self.result.set_result(result)


class Members:
    """The watcher of a batch: tells each call's own watcher, and answers each as soon as it has ended."""

    def __init__(self, members: Iterable[Asked]) -> None:
        self._by_request = {id(asked.request): asked for asked in members}

    async def refused(self, result: CallResult) -> None:
        """Answer the request, if it is a member's."""
        if asked := self._by_request.get(id(result.request)):
            await asked.watcher.refused(result)
            asked.answer(result)

    async def started(self, call: ToolCall, *, waited: float) -> None:
        """Tell that the call runs."""
        await self._by_request[id(call.request)].watcher.started(call, waited=waited)

    async def retried(self, call: ToolCall, *, attempt: int, why: str, seconds: float) -> None:
        """Tell of an attempt without an answer."""
        own = self._by_request[id(call.request)].watcher
        await own.retried(call, attempt=attempt, why=why, seconds=seconds)

    async def finished(self, call: ToolCall, result: CallResult) -> None:
        """Answer the call."""
        asked = self._by_request[id(call.request)]
        await asked.watcher.finished(call, result)
        asked.answer(result)


RunBatch = Callable[[Mapping[int, Asked]], Awaitable[None]]
"""Runs the calls, by position, and answers each."""


class Gathering:
    """Runs calls together as soon as each that may still come has asked, or has left without asking.

    `expected` are the calls that may come, by position, each with the future of the task in which it would: once that
    is done it will not. A call that is not expected runs after the batch, in another. One whose task is cancelled
    waits for the batch to end only if nobody else waits for a result; the batch is then cancelled.
    """

    def __init__(self, expected: Mapping[int, asyncio.Future[Any]], run: RunBatch) -> None:
        self._absent = set(expected)
        self._run = run
        self._deciding = 0
        """How many have arrived and may still ask."""

        self._asking: list[Asked] = []
        self._running: tuple[asyncio.Task[None], list[Asked]] | None = None
        self.seats = 0
        """How many have arrived and not left."""

        for position, future in expected.items():
            future.add_done_callback(partial(self._will_not_come, position))

    @contextmanager
    def seat(self, position: int) -> Generator[None]:
        """Take part in the batch for as long as the block lasts."""
        self._absent.discard(position)
        self.seats += 1
        self._deciding += 1
        try:
            yield
        finally:
            self.seats -= 1
            self._deciding -= 1
            self._consider()

    async def ask(self, asked: Asked) -> CallResult:
        """Return the result of the call, inside a seat."""
        self._asking.append(asked)
        self._deciding -= 1
        self._consider()
        try:
            return await asked.result
        except asyncio.CancelledError:
            await self._give_up(asked)
            raise
        finally:
            self._deciding += 1

    def _will_not_come(self, position: int, _: asyncio.Future[Any]) -> None:
        self._absent.discard(position)
        self._consider()

    def _consider(self) -> None:
        if self._asking and not (self._running or self._deciding or self._absent):
            self._start()

    def _start(self) -> None:
        batch: dict[int, Asked] = {}
        for asked in self._asking:
            batch.setdefault(asked.position, asked)
        members = list(batch.values())
        self._asking = [asked for asked in self._asking if asked not in members]
        task = asyncio.create_task(self._served(batch), name="calls of one message")
        task.add_done_callback(self._ended)
        self._running = task, members

    async def _served(self, batch: Mapping[int, Asked]) -> None:
        try:
            await self._run(batch)
        except Exception as error:  # noqa: BLE001 - the edge: every task that waits gets the error
            for asked in batch.values():
                if not asked.result.done():
                    asked.result.set_exception(error)

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._running = None
        self._consider()

    async def _give_up(self, asked: Asked) -> None:
        if asked in self._asking:
            self._asking.remove(asked)
        if self._running and asked in self._running[1]:
            task, members = self._running
            if all(member.result.done() for member in members):
                task.cancel()
                while not task.done():
                    with suppress(asyncio.CancelledError):
                        await asyncio.wait([task])
