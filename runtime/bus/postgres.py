"""The bus over PostgreSQL: LISTEN and NOTIFY on one connection of its own."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString

from psycopg import AsyncConnection, Notify, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from trunkline.runtime.bus.parts import Glue, Scissors
from trunkline.runtime.bus.switchboard import Switchboard
from trunkline.runtime.bus.wired import ANSWER_SECONDS, Dial, Letter, Wire
from trunkline.runtime.storage.engine import connected_or_closed

_PAYLOAD_BYTES = 7999 // 4 * 3  # PostgreSQL takes less than 8,000 bytes of text, and base64 makes 4 of 3
_OPTIONS: dict[str, Any] = {
    "connect_timeout": int(ANSWER_SECONDS),
    # Who only listens never notices that the other side is gone, unless the kernel asks.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "application_name": "trunkline bus",
}
_NOTIFY = "SELECT pg_notify(channel, payload) FROM unnest(%s::text[], %s::text[]) AS letter (channel, payload)"


def channel_of(schema: str, topic: str) -> str:
    """Return the channel of a topic; other schemas of the same database have others. `storage.ringing` has it too."""
    return f"trunkline_{hashlib.sha256(f'{schema} {topic}'.encode()).hexdigest()[:40]}"


def postgres_dial(conninfo: str) -> Dial:
    """Return how to connect to this server, directly: a transaction pooler loses what it should listen to."""
    complete = make_conninfo("", **{**_OPTIONS, **conninfo_to_dict(conninfo)})

    @asynccontextmanager
    async def dial(switchboard: Switchboard) -> AsyncGenerator[Wire]:
        connection: AsyncConnection[Any] = await connected_or_closed(complete, autocommit=True)
        async with connection:
            [schema] = await (await connection.execute("SELECT coalesce(current_schema(), '')")).fetchall()
            yield _PostgresWire(connection, schema[0], switchboard)

    return dial


class _PostgresWire:
    def __init__(self, connection: AsyncConnection[Any], schema: str, switchboard: Switchboard) -> None:
        self._connection, self._schema = connection, schema
        self._glue, self._scissors = Glue(switchboard), Scissors(size=_PAYLOAD_BYTES)
        self._topics: dict[str, str] = {}
        self._turn = asyncio.Lock()
        self._speakers = 0
        self._hearing: asyncio.Timeout | None = None

    async def run(self) -> None:
        while True:
            async with self._turn:
                if not self._speakers:
                    await self._hear()
            await asyncio.sleep(0)  # who wants to speak has its turn

    async def subscribe(self, topics: Collection[str]) -> None:
        channels = {channel_of(self._schema, topic): topic for topic in topics}
        self._topics |= channels
        await self._execute(_for_each("LISTEN", channels))

    async def unsubscribe(self, topics: Collection[str]) -> None:
        channels = [channel_of(self._schema, topic) for topic in topics]
        await self._execute(_for_each("UNLISTEN", channels))
        for channel in channels:
            del self._topics[channel]

    async def send(self, letters: Sequence[Letter]) -> None:
        parts = [
            (channel_of(self._schema, topic), b64encode(part).decode())
            for topic, message in letters
            for part in self._scissors.cut(message)
        ]
        await self._execute(_NOTIFY, [[channel for channel, _ in parts], [payload for _, payload in parts]])

    async def _hear(self) -> None:
        try:
            async with asyncio.timeout(None) as self._hearing:
                async for notify in self._connection.notifies():
                    self._pass_on(notify)
        except TimeoutError:
            pass  # somebody wants to speak
        finally:
            self._hearing = None

    async def _execute(self, statement: Any, values: Sequence[Any] | None = None) -> None:
        """Interrupt the hearing for a statement; what comes meanwhile is kept for it by the driver."""
        self._speakers += 1
        try:
            if self._hearing and not self._hearing.expired():
                self._hearing.reschedule(0)
            async with self._turn:
                await self._connection.execute(statement, values)
        finally:
            self._speakers -= 1

    def _pass_on(self, notify: Notify) -> None:
        if topic := self._topics.get(notify.channel):
            self._glue.add(topic, b64decode(notify.payload))


def _for_each(verb: LiteralString, channels: Collection[str]) -> sql.Composed:
    return sql.SQL("; ").join(sql.SQL(verb) + sql.SQL(" ") + sql.Identifier(channel) for channel in channels)
