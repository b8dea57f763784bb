"""The bus over Redis: its channels, on two connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from trunkline.runtime.bus.switchboard import Switchboard
from trunkline.runtime.bus.wired import ANSWER_SECONDS, Dial, Letter, Wire
from trunkline.tools.shielding import is_cancelled

_OPTIONS: dict[str, Any] = {
    # A connection that the driver repairs by itself has missed something that nobody hears of.
    "retry": Retry(NoBackoff(), 0, supported_errors=()),
    "socket_timeout": ANSWER_SECONDS,
    "socket_connect_timeout": ANSWER_SECONDS,
    "protocol": 2,
}


def redis_dial(url: str) -> Dial:
    """Return how to connect to this server. Raises `ValueError` for a URL that Redis does not understand.

    Channels belong to the whole server, so the number of the database is part of their names.
    """
    database = Redis.from_url(url).connection_pool.connection_kwargs.get("db") or 0
    prefix = f"trunkline:{database}:".encode()

    @asynccontextmanager
    async def dial(switchboard: Switchboard) -> AsyncGenerator[Wire]:
        async with Redis.from_url(url, **_OPTIONS) as client, client.pubsub() as pubsub:
            await client.ping()
            await pubsub.connect()
            yield _RedisWire(client, pubsub, prefix, switchboard)

    return dial


class _RedisWire:
    def __init__(self, client: Redis, pubsub: PubSub, prefix: bytes, switchboard: Switchboard) -> None:
        self._client, self._pubsub, self._prefix, self._switchboard = client, pubsub, prefix, switchboard
        self._answers: dict[bytes, asyncio.Future[None]] = {}

    async def run(self) -> None:
        while not is_cancelled():  # the driver may lose a cancellation
            match cast("dict[str, Any] | None", await self._pubsub.get_message(timeout=None)):
                case {"type": "message", "channel": bytes(channel), "data": bytes(message)}:
                    self._switchboard.pass_on(channel.removeprefix(self._prefix).decode(), message)
                case {"type": "subscribe", "channel": bytes(channel)} if channel in self._answers:
                    self._answers.pop(channel).set_result(None)
                case _:
                    pass

    async def subscribe(self, topics: Collection[str]) -> None:
        channels = [self._channel(topic) for topic in topics]
        answers = {channel: asyncio.get_running_loop().create_future() for channel in channels}
        self._answers |= answers
        await self._pubsub.subscribe(*channels)
        await asyncio.wait(answers.values())

    async def unsubscribe(self, topics: Collection[str]) -> None:
        await self._pubsub.unsubscribe(*(self._channel(topic) for topic in topics))

    async def send(self, letters: Sequence[Letter]) -> None:
        async with self._client.pipeline(transaction=False) as pipeline:
            for topic, message in letters:
                pipeline.publish(self._channel(topic), message)
            await pipeline.execute()

    def _channel(self, topic: str) -> bytes:
        return self._prefix + topic.encode()
