"""A connection pooler for PostgreSQL in transaction mode, as hard on its clients as PgBouncer may be.

Each transaction gets one of a few server connections by chance, and nothing is reset in between. What a client leaves
in a session is written down: it would be gone or somebody else's the next time. PostgreSQL, Frontend/Backend Protocol:
https://www.postgresql.org/docs/current/protocol.html
"""

import asyncio
import os
import random
import re
import socket
import struct
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from psycopg import pq
from sqlalchemy import make_url

_SAID = (b"server_version", b"client_encoding", b"standard_conforming_strings", b"DateStyle", b"TimeZone")
_SSL, _GSS, _CANCEL = 80877103, 80877104, 80877102
_ASKS = b"QS"
"""A simple query, and a sync: the server answers them with ReadyForQuery."""

_IDLE = b"I"
_LEFT_BEHIND = re.compile(
    r"\s*(SET(?!\s+(LOCAL|TRANSACTION))|RESET|LISTEN|UNLISTEN|PREPARE|DEALLOCATE|DISCARD|LOAD|CREATE\s+TEMP)\b"
    r"|.*\bWITH\s+HOLD\b|.*\bpg_(try_)?advisory_(lock|unlock)|.*\bset_config\(.*false\s*\)",
    re.IGNORECASE | re.DOTALL,
)


class Message(NamedTuple):
    """One message of the protocol."""

    kind: bytes
    body: bytes

    @property
    def sent(self) -> bytes:
        """As it goes over the wire."""
        return self.kind + struct.pack("!I", len(self.body) + 4) + self.body

    @property
    def left_behind(self) -> str | None:
        """The statement, if it leaves something in the session."""
        if self.kind == b"P":
            name, query = self.body.split(b"\0")[:2]
            return query.decode() if name or _LEFT_BEHIND.match(query.decode()) else None
        query = self.body.rstrip(b"\0").decode() if self.kind == b"Q" else ""
        return query if _LEFT_BEHIND.match(query) else None


@dataclass(slots=True)
class Peer:
    """The other end of a connection: a client, or a server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read(self) -> Message:
        """Wait for a message."""
        kind = await self.reader.readexactly(1)
        (length,) = struct.unpack("!I", await self.reader.readexactly(4))
        return Message(kind, await self.reader.readexactly(length - 4))

    async def send(self, message: Message) -> None:
        """Send a message."""
        self.writer.write(message.sent)
        await self.writer.drain()


@dataclass(slots=True)
class Server(Peer):
    """A server's connection, which libpq has made."""

    made: pq.abc.PGconn

    def close(self) -> None:
        """Say goodbye, whatever is under way."""
        self.writer.close()
        self.made.finish()


@dataclass(slots=True)
class TransactionPooler:
    """Lends connections to the database at `server`."""

    server: str
    size: int
    left_behind: list[str] = field(default_factory=list[str])
    """Statements that changed a session for longer than their transaction."""

    transactions: int = 0
    _free: list[Server] = field(default_factory=list[Server])
    _change: asyncio.Condition = field(default_factory=asyncio.Condition)

    _said: list[Message] = field(default_factory=list[Message])

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[int]:
        """Serve on a port of the loopback for the block."""
        self._free = [await self._connected() for _ in range(self.size)]
        clients = set[asyncio.Task[None]]()

        def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            clients.add(task := asyncio.create_task(self._serve(Peer(reader, writer)), name="client"))
            task.add_done_callback(clients.discard)

        listening = await asyncio.start_server(take, "127.0.0.1", 0)
        try:
            yield listening.sockets[0].getsockname()[1]
        finally:
            listening.close()
            for task in clients:
                task.cancel()
            if clients:
                await asyncio.wait(clients)
            for server in self._free:
                server.close()

    async def _serve(self, client: Peer) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError), closing(client.writer):
            if not await self._greeted(client):
                return
            while (message := await client.read()).kind != b"X":
                async with self._lent() as server:
                    await self._transaction(client, server, message)

    async def _greeted(self, client: Peer) -> bool:
        while True:
            (length,) = struct.unpack("!I", await client.reader.readexactly(4))
            (code,) = struct.unpack("!I", (await client.reader.readexactly(length - 4))[:4])
            if code == _CANCEL:
                return False
            if code not in {_SSL, _GSS}:
                break
            client.writer.write(b"N")
        made_up = Message(b"K", random.randbytes(8))
        for message in (Message(b"R", bytes(4)), *self._said, made_up, Message(b"Z", _IDLE)):
            await client.send(message)
        return True

    async def _transaction(self, client: Peer, server: Peer, message: Message) -> None:
        while True:
            answering = asyncio.create_task(self._answered(client, server), name="answer")
            try:
                await self._asked(client, server, message)
                status = await answering
            finally:
                answering.cancel()
            if status == _IDLE:
                self.transactions += 1
                return
            message = await client.read()

    async def _asked(self, client: Peer, server: Peer, message: Message) -> None:
        """Pass on what the client sends, up to what the server answers when it is through with all of it."""
        while True:
            if statement := message.left_behind:
                self.left_behind.append(statement)
            await server.send(message)
            if message.kind in _ASKS:
                return
            message = await client.read()

    async def _answered(self, client: Peer, server: Peer) -> bytes:
        """Pass on what the server sends, and return how the transaction stands then."""
        while True:
            message = await server.read()
            await client.send(message)
            if message.kind == b"Z":
                return message.body

    @asynccontextmanager
    async def _lent(self) -> AsyncGenerator[Server]:
        """Lend a server's connection; one that does not come back from the middle of a transaction is replaced."""
        async with self._change:
            await self._change.wait_for(lambda: self._free)
            server = self._free.pop(random.randrange(len(self._free)))
        try:
            yield server
        except BaseException:
            server.close()
            server = await self._connected()
            raise
        finally:
            self._free.append(server)
            async with self._change:
                self._change.notify()

    async def _connected(self) -> Server:
        """Let libpq connect and authenticate, and go on from there."""
        made = pq.PGconn.connect(self.server.encode())
        assert made.status == pq.ConnStatus.OK, made.error_message
        self._said = [Message(b"S", b"%b\0%b\0" % (name, made.parameter_status(name))) for name in _SAID]
        reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=os.dup(made.socket)))
        return Server(reader, writer, made)


@contextmanager
def transaction_pooler(url: str, *, size: int = 2) -> Generator[tuple[str, TransactionPooler]]:
    """Run a pooler in a thread of its own, and give the URL that leads through it to the same database."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="pooler")
    thread.start()
    pooler = TransactionPooler(url, size)
    running = pooler.running()
    try:
        port = asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result()
        try:
            through = make_url(url).set(host="127.0.0.1", port=port, query={})
            yield through.render_as_string(hide_password=False), pooler
        finally:
            asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
