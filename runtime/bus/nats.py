"""The bus over NATS: its subjects, on one connection."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import quote

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import ConnectionClosedError, NoServersError, SlowConsumerError

from trunkline.runtime.bus.parts import Glue, Scissors
from trunkline.runtime.bus.switchboard import Switchboard
from trunkline.runtime.bus.wired import ANSWER_SECONDS, Dial, Letter, Wire


def nats_dial(url: str) -> Dial:
    """Return how to connect to the server, or to one of several that are written with commas between them."""

    @asynccontextmanager
    async def dial(switchboard: Switchboard) -> AsyncGenerator[Wire]:
        wire = _NatsWire(switchboard)
        try:
            await wire.connect(url)
            yield wire
        finally:
            await wire.close()

    return dial


class _NatsWire:
    def __init__(self, switchboard: Switchboard) -> None:
        self._client, self._closed, self._switchboard = Client(), asyncio.Event(), switchboard
        self._glue = Glue(switchboard)
        self._trouble: Exception | None = None
        self._inbox, self._asked = self._client.new_inbox(), deque[asyncio.Future[None]]()
        self._subscriptions: dict[str, Subscription] = {}

    async def connect(self, url: str) -> None:
        try:
            await self._client.connect(
                servers=url.split(","),
                name="trunkline bus",
                # A connection that the driver repairs by itself has missed something that nobody hears of.
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=int(ANSWER_SECONDS),
                ping_interval=15,
                error_cb=self._note,
                closed_cb=self._end,
            )
        except NoServersError as error:
            raise self._trouble or error from error
        self._scissors = Scissors(size=self._client.max_payload)
        await self._client.subscribe(self._inbox, cb=self._answer)

    async def close(self) -> None:
        await self._client.close()

    async def run(self) -> None:
        await self._closed.wait()
        raise self._trouble or self._client.last_error or ConnectionClosedError

    async def subscribe(self, topics: Collection[str]) -> None:
        for topic in topics:
            self._subscriptions[topic] = await self._client.subscribe(_subject(topic), cb=partial(self._hear, topic))
        await self._settle()

    async def unsubscribe(self, topics: Collection[str]) -> None:
        for topic in topics:
            await self._subscriptions.pop(topic).unsubscribe()

    async def send(self, letters: Sequence[Letter]) -> None:
        for topic, message in letters:
            for part in self._scissors.cut(message):
                await self._client.publish(_subject(topic), part)
        await self._settle()

    async def _settle(self) -> None:
        """Wait until the server has had everything so far. The client's `flush` overtakes what it should wait for."""
        asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked.append(asked)
        await self._client.publish(self._inbox)
        await asked

    async def _answer(self, message: Msg) -> None:
        del message
        asked = self._asked.popleft()
        if not asked.done():
            asked.set_result(None)

    async def _hear(self, topic: str, message: Msg) -> None:
        self._glue.add(topic, message.data)

    async def _note(self, error: Exception) -> None:
        if isinstance(error, SlowConsumerError):
            self._switchboard.tell_missed()
        else:
            self._trouble = error

    async def _end(self) -> None:
        self._closed.set()


def _subject(topic: str) -> str:
    """Return the topic's subject: a dot would divide it, and a star or an angle would stand for others."""
    return "trunkline." + quote(topic, safe=":").replace(".", "%2E")
