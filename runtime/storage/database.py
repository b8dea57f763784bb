"""The database: opened, checked to be of this version, and with all that is kept in it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from langgraph.store.base import IndexConfig
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from trunkline.errors import DatabaseUnreachableError, MigrationNeededError, NoDatabaseError
from trunkline.runtime.bus.bus import Bus
from trunkline.runtime.bus.opening import open_bus
from trunkline.runtime.storage.cache import SQLAlchemyCache
from trunkline.runtime.storage.call_book import CallBook
from trunkline.runtime.storage.checkpoints.keyring import Keyring
from trunkline.runtime.storage.checkpoints.saver import SQLAlchemySaver
from trunkline.runtime.storage.checkpoints.seal import sealing
from trunkline.runtime.storage.engine import connections_are_out, open_engine
from trunkline.runtime.storage.event_log import EventLog
from trunkline.runtime.storage.ledger import DatabaseLedger
from trunkline.runtime.storage.memory.store import SQLAlchemyStore
from trunkline.runtime.storage.migration import migrations, standing_of, upgrade_script
from trunkline.runtime.storage.queue.backlog import QueueBook
from trunkline.runtime.storage.queue.heartbeat import Renewals
from trunkline.runtime.storage.queue.queue import RunQueue
from trunkline.runtime.storage.queue.schedules import ScheduleBook
from trunkline.runtime.storage.queue.tenants import TenantBook
from trunkline.runtime.storage.queue.workers import WorkerBook
from trunkline.runtime.storage.resealing import reencrypt_columns
from trunkline.runtime.storage.runs import RunStore
from trunkline.runtime.storage.sealed import with_seal
from trunkline.runtime.storage.spans import SpanStore
from trunkline.runtime.storage.standing import Standing
from trunkline.runtime.storage.threads import ThreadStore
from trunkline.runtime.storage.upgrade import downgrade_engine, upgrade_engine
from trunkline.runtime.storage.url import DatabaseUrl, parse_url
from trunkline.runtime.storage.writer import Writer
from trunkline.tools.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """What is kept in one database."""

    url: DatabaseUrl
    runs: RunStore
    queue: RunQueue
    schedules: ScheduleBook
    tenants: TenantBook
    workers: WorkerBook
    queues: QueueBook
    spans: SpanStore
    ledger: DatabaseLedger
    book: CallBook
    events: EventLog
    saver: SQLAlchemySaver
    threads: ThreadStore
    store: SQLAlchemyStore
    cache: SQLAlchemyCache[Any]
    writer: Writer
    bus: Bus
    renewals: Callable[[], Renewals]
    """Makes a connection for a heartbeat."""

    connections_are_out: Callable[[], bool]
    """Whether the next one who needs a connection has to wait for it."""

    of_tenant: Callable[[str], AbstractAsyncContextManager[Database]]
    """Opens the same database for another tenant: with a ledger, book, store and cache of its own."""

    async def flush(self) -> None:
        """Wait until everything posted so far is committed."""
        await self.writer.flush()

    async def reencrypt(self, *, clear: bool = False) -> int:
        """Do what `SQLAlchemySaver.reencrypt` does, for all that is encrypted."""
        return await self.saver.reencrypt(clear=clear) + await reencrypt_columns(self.writer, clear=clear)


@asynccontextmanager
async def open_database(
    text: str,
    *,
    tenant: str = "",
    clock: Clock | None = None,
    index: IndexConfig | None = None,
    bus: str | None = None,
    keys: Keyring | None = None,
    wait_for_database: float = 0.0,
) -> AsyncGenerator[Database]:
    """Open the database at this URL and close it at the end, when all that was posted is committed.

    `clock` is what requests, items of the store and entries of the cache expire by, `index` how items are embedded.
    `bus` is the URL of what wakes other processes, where that is not the database itself. With `keys`, checkpoints are
    encrypted, and what runs are given, asked and answered, events, items of the store, and cached values.
    `wait_for_database` is for how many seconds writes, and reads of checkpoints, are tried again when the database is
    away or busy.

    An embedded database is created and upgraded on the way. Raises `DatabaseUrlError`, `DatabaseUnreachableError`, and
    for a server database of another version `MigrationNeededError`.
    """
    url, clock = parse_url(text), clock or SystemClock()
    seal = sealing(keys)
    async with _connected(url) as plain:
        await _require_current(url, plain)
        engine = with_seal(plain, seal)
        async with (
            open_bus(bus, text) as told,
            Writer(engine, wait_for_database=wait_for_database) as writer,
            SQLAlchemySaver(engine, writer=writer, keys=keys, wait_for_database=wait_for_database) as saver,
        ):
            queue, spans = RunQueue(writer=writer, bus=told, seal=seal), SpanStore(engine=engine, writer=writer)
            events = EventLog(engine=engine, writer=writer)

            @asynccontextmanager
            async def of_tenant(name: str) -> AsyncGenerator[Database]:
                async with (
                    SQLAlchemyStore(engine, writer=writer, index=index, tenant=name, clock=clock) as store,
                    SQLAlchemyCache[Any](engine, writer=writer, tenant=name, clock=clock) as cache,
                ):
                    yield Database(
                        url=url,
                        runs=RunStore(engine=engine),
                        queue=queue,
                        schedules=ScheduleBook(engine, writer=writer, bus=told),
                        tenants=TenantBook(engine, writer=writer),
                        workers=WorkerBook(engine),
                        queues=QueueBook(engine),
                        spans=spans,
                        ledger=DatabaseLedger(engine=engine, writer=writer, tenant=name, now=clock.now),
                        book=CallBook(engine=engine, writer=writer, tenant=name, now=clock.now),
                        events=events,
                        saver=saver,
                        threads=ThreadStore(engine=engine, writer=writer, queue=queue),
                        store=store,
                        cache=cache,
                        writer=writer,
                        bus=told,
                        renewals=lambda: Renewals(engine),
                        connections_are_out=lambda: connections_are_out(engine),
                        of_tenant=of_tenant,
                    )

            async with of_tenant(tenant) as database:
                yield database


async def upgrade_database(text: str, *, expand_only: bool = False) -> str | None:
    """Bring the database to this version, or up to its first contract, and return its revision."""
    url = parse_url(text)
    async with _connected(url) as engine:
        await upgrade_engine(engine, expand_only=expand_only)
        return (await _standing(engine)).current


async def upgrade_script_of(text: str, *, expand_only: bool = False) -> str:
    """Return the SQL that would upgrade the database, which is only read. Nothing when there is nothing to do."""
    async with _connected(_existing(text)) as engine, engine.connect() as connection:
        return await upgrade_script(connection, expand_only=expand_only)


async def downgrade_database(text: str, revision: str) -> None:
    """Take back the migrations after this revision, with what is in their tables. Raises `DowngradeError`."""
    async with _connected(_existing(text)) as engine:
        await downgrade_engine(engine, revision)


async def standing_of_database(text: str) -> Standing:
    """Return where the database stands among the migrations. An embedded one is not made for that."""
    url = parse_url(text)
    if url.embedded and not url.path.exists():
        return Standing(current=None, migrations=migrations())
    async with _connected(url) as engine:
        return await _standing(engine)


async def revision_of(text: str) -> str | None:
    """Return the revision of the database, or None when it has no tables of Trunkline. An embedded one must exist."""
    return (await standing_of_database(text)).current


async def check_database(text: str) -> str | None:
    """Return the revision of the database. Raises `MigrationNeededError` when this version cannot work on it."""
    standing = await standing_of_database(text)
    if not standing.usable:
        raise _migration_needed(parse_url(text), standing)
    return standing.current


def _existing(text: str) -> DatabaseUrl:
    url = parse_url(text)
    if url.embedded and not url.path.exists():
        raise NoDatabaseError(url=url.shown)
    return url


def _migration_needed(url: DatabaseUrl, standing: Standing) -> MigrationNeededError:
    return MigrationNeededError(url=url.shown, current=standing.current, wanted=standing.wanted, known=standing.known)


async def _standing(engine: AsyncEngine) -> Standing:
    async with engine.connect() as connection:
        return await standing_of(connection)


@asynccontextmanager
async def _connected(url: DatabaseUrl) -> AsyncGenerator[AsyncEngine]:
    engine = open_engine(url)
    try:
        await _reach(url, engine)
        yield engine
    finally:
        await engine.dispose()


async def _reach(url: DatabaseUrl, engine: AsyncEngine) -> None:
    if url.embedded and not url.path.parent.is_dir():
        raise DatabaseUnreachableError(url=url.shown, problem=f"there is no folder {url.path.parent}")
    try:
        async with engine.connect():
            pass
    except (DBAPIError, OSError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise DatabaseUnreachableError(url=url.shown, problem=" ".join(str(cause).split())) from error


async def _require_current(url: DatabaseUrl, engine: AsyncEngine) -> None:
    standing = await _standing(engine)
    if standing.usable:
        return
    if not url.embedded:
        raise _migration_needed(url, standing)
    await upgrade_engine(engine)
