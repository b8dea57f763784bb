"""The database: opened, checked to be of this version, and with all that is kept in it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from langgraph.checkpoint.base import BaseCheckpointSaver
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from trunkline.errors import DatabaseUnreachableError, MigrationNeededError
from trunkline.runtime.storage.call_book import CallBook
from trunkline.runtime.storage.checkpoints.saver import SQLAlchemySaver
from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.ledger import DatabaseLedger
from trunkline.runtime.storage.migration import current_revision, wanted_revision
from trunkline.runtime.storage.queue.heartbeat import Renewals
from trunkline.runtime.storage.queue.queue import RunQueue
from trunkline.runtime.storage.queue.workers import WorkerBook
from trunkline.runtime.storage.runs import RunStore
from trunkline.runtime.storage.spans import SpanStore
from trunkline.runtime.storage.upgrade import upgrade_engine
from trunkline.runtime.storage.url import DatabaseUrl, parse_url
from trunkline.runtime.storage.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """What is kept in one database."""

    url: DatabaseUrl
    runs: RunStore
    queue: RunQueue
    workers: WorkerBook
    spans: SpanStore
    ledger: DatabaseLedger
    book: CallBook
    saver: BaseCheckpointSaver[str]
    writer: Writer
    renewals: Callable[[], Renewals]
    """Makes a connection for a heartbeat."""

    async def flush(self) -> None:
        """Wait until everything posted so far is committed."""
        await self.writer.flush()


@asynccontextmanager
async def open_database(
    text: str, *, tenant: str = "", now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> AsyncGenerator[Database]:
    """Open the database at this URL and close it at the end, when all that was posted is committed.

    `now` is the time of day by which requests expire.

    An embedded database is created and upgraded on the way. Raises `DatabaseUrlError`, `DatabaseUnreachableError`, and
    for a server database of another version `MigrationNeededError`.
    """
    url = parse_url(text)
    async with _connected(url) as engine:
        await _require_current(url, engine)
        async with Writer(engine) as writer, SQLAlchemySaver(engine, writer=writer) as saver:
            yield Database(
                url=url,
                runs=RunStore(engine=engine),
                queue=RunQueue(writer=writer),
                workers=WorkerBook(engine),
                spans=SpanStore(engine=engine, writer=writer),
                ledger=DatabaseLedger(engine=engine, writer=writer, tenant=tenant, now=now),
                book=CallBook(engine=engine, writer=writer, tenant=tenant, now=now),
                saver=saver,
                writer=writer,
                renewals=lambda: Renewals(engine),
            )


async def upgrade_database(text: str) -> str:
    """Bring the database to this version and return its revision."""
    url = parse_url(text)
    async with _connected(url) as engine:
        await upgrade_engine(engine)
    return wanted_revision()


async def revision_of(text: str) -> str | None:
    """Return the revision of the database, or None when it has no tables of Trunkline. An embedded one must exist."""
    url = parse_url(text)
    if url.embedded and not url.path.exists():
        return None
    async with _connected(url) as engine, engine.connect() as connection:
        return await current_revision(connection)


async def check_database(text: str) -> str:
    """Return the revision of the database. Raises `MigrationNeededError` when this version needs another one."""
    current, wanted = await revision_of(text), wanted_revision()
    if current != wanted:
        raise MigrationNeededError(url=parse_url(text).shown, current=current, wanted=wanted)
    return wanted


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
    async with engine.connect() as connection:
        current = await current_revision(connection)
    wanted = wanted_revision()
    if current == wanted:
        return
    if not url.embedded:
        raise MigrationNeededError(url=url.shown, current=current, wanted=wanted)
    await upgrade_engine(engine)
