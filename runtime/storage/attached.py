"""What the store and the cache are: something that is kept in a database, between `async with` and its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Never, Self

from sqlalchemy.ext.asyncio import AsyncEngine

from trunkline.errors import StateNotOpenError
from trunkline.runtime.storage.blocking import Blocking
from trunkline.runtime.storage.checkpoints.keyring import Keyring
from trunkline.runtime.storage.checkpoints.seal import Seal, sealing
from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.sealed import seal_of, with_seal
from trunkline.runtime.storage.sweeper import Sweeper
from trunkline.runtime.storage.transactions import Transactions
from trunkline.runtime.storage.upgrade import upgrade_engine
from trunkline.runtime.storage.url import parse_url
from trunkline.runtime.storage.writer import Writer
from trunkline.tools.clock import Clock, SystemClock

_READERS = 4
"""Reads at once."""

SWEEP_SECONDS = 300.0
"""How often rows that have expired are deleted."""


@dataclass(slots=True, kw_only=True)
class Attachment:
    """The engine, and while it is open the rest. Copies of what is attached share it."""

    engine: AsyncEngine
    shared_writer: Writer | None
    clock: Clock
    tenant: str
    sweep_seconds: float = SWEEP_SECONDS
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    reads: Transactions | None = None
    writer: Writer | None = None
    home: asyncio.AbstractEventLoop | None = None

    @property
    def seal(self) -> Seal:
        """How values are kept."""
        return seal_of(self.engine)

    async def aclose(self) -> None:
        """Take no more work, and close the connections for reading."""
        reads, self.reads, self.writer = self.reads, None, None
        if reads:
            await reads.aclose()


class Attached(Blocking):
    """Opens and closes what it is kept in, sweeps what has expired, and has the tables made."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        writer: Writer | None,
        keys: Keyring | None,
        clock: Clock | None,
        tenant: str,
        sweep_seconds: float = SWEEP_SECONDS,
    ) -> None:
        self._at = Attachment(
            engine=with_seal(engine, sealing(keys)) if keys else engine,
            shared_writer=writer,
            clock=clock or SystemClock(),
            tenant=tenant,
            sweep_seconds=sweep_seconds,
        )

    async def __aenter__(self) -> Self:
        """Start the writer, unless there is one to share, and the sweeper."""
        at = self._at
        at.home = asyncio.get_running_loop()
        at.reads = Transactions(at.engine, threads=_READERS)
        at.stack.push_async_callback(at.aclose)
        at.writer = at.shared_writer or await at.stack.enter_async_context(Writer(at.engine))
        sweeper = Sweeper(self.sweep_ttl, clock=at.clock, every=at.sweep_seconds)
        await at.stack.enter_async_context(sweeper)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit what is under way, and take no more."""
        await self._at.stack.aclose()

    async def setup(self) -> None:
        """Create the tables, or bring them to this version. It may be called at every start."""
        await upgrade_engine(self._at.engine)

    async def sweep_ttl(self) -> int:
        """Delete what has expired and return how much that was."""
        raise NotImplementedError

    def _now(self) -> datetime:
        return self._at.clock.now()

    def _reads(self) -> Transactions:
        return self._at.reads or self._not_open()

    def _writer(self) -> Writer:
        return self._at.writer or self._not_open()

    def _home(self) -> asyncio.AbstractEventLoop:
        self._writer()
        assert self._at.home
        return self._at.home

    def _not_open(self) -> Never:
        name = type(self).__name__
        raise StateNotOpenError(
            what=name, problem="is not open", remedy=f"use it inside 'async with {name}(...) as …:'"
        )


@asynccontextmanager
async def engine_at(conn_string: str) -> AsyncGenerator[AsyncEngine]:
    """Return an engine for the database at this URL, until the end of the block. Raises `DatabaseUrlError`."""
    engine = open_engine(parse_url(conn_string))
    try:
        yield engine
    finally:
        await engine.dispose()
