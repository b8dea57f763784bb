"""SQLAlchemy engines: SQLite in WAL mode with honest transactions, PostgreSQL through psycopg."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import Any
from weakref import WeakSet

from sqlalchemy import AsyncAdaptedQueuePool, Connection, Engine, create_engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from trunkline.errors import MissingExtraError
from trunkline.runtime.storage.compiled import COMPILED
from trunkline.runtime.storage.pooler import connect, set_up
from trunkline.runtime.storage.url import DatabaseUrl
from trunkline.tools.shielding import to_its_end

BUSY_SECONDS = 30.0
CONNECTIONS = 15
"""Connections of an engine at most, a third of them kept open."""

_POOL = {"pool_size": CONNECTIONS // 3, "max_overflow": CONNECTIONS - CONNECTIONS // 3}
_SHARED: dict[str, Any] = {"compiled_cache": COMPILED}
_OURS: WeakSet[Engine] = WeakSet()
WRITES = {"trunkline_writes": True}
"""Execution options of a connection that takes SQLite's write lock when its transaction begins."""


def open_engine(url: DatabaseUrl) -> AsyncEngine:
    """Return an engine for the database; nothing is connected yet."""
    if not url.embedded:
        if importlib.util.find_spec("psycopg") is None:
            raise MissingExtraError(feature="PostgreSQL", extra="postgres")
        engine = create_async_engine(
            url.url,
            pool_pre_ping=True,
            connect_args={"async_creator_fn": connected_or_closed},
            execution_options=_SHARED | ({"schema_translate_map": {None: url.schema}} if url.schema else {}),
            **_POOL,
        )
    else:
        engine = create_async_engine(
            url.url, connect_args={"timeout": BUSY_SECONDS}, execution_options=_SHARED, **_POOL
        )
        _prepare_sqlite(engine.sync_engine)
    _OURS.add(engine.sync_engine)
    return engine


def with_options(engine: AsyncEngine, **options: Any) -> AsyncEngine:
    """Return the engine, on the same connections, with these execution options besides."""
    derived = engine.execution_options(**options)
    if engine.sync_engine in _OURS:
        _OURS.add(derived.sync_engine)
    return derived


def blocking_twin(engine: AsyncEngine) -> Engine | None:
    """Return a blocking engine on the same database, for whole transactions in a thread.

    None for an engine that is not from `open_engine`: it may be prepared in ways of its own.
    """
    if engine.sync_engine not in _OURS:
        return None
    if engine.dialect.name == "postgresql":
        twin = create_engine(engine.url, execution_options=engine.get_execution_options())
        event.listen(twin, "connect", set_up)
        return twin  # without a ping: `Transactions` replaces connections that were lost in the pool
    twin = create_engine(
        engine.url.set(drivername="sqlite"),
        connect_args={"timeout": BUSY_SECONDS},
        execution_options=engine.get_execution_options(),
    )
    _prepare_sqlite(twin)
    return twin


def connections_are_out(engine: AsyncEngine) -> bool:
    """Whether the next one who needs a connection of the engine has to wait for it."""
    pool = engine.pool
    return isinstance(pool, AsyncAdaptedQueuePool) and pool.checkedout() >= CONNECTIONS


def schema_of(connection: Connection) -> str | None:
    """Return the schema that an engine of `open_engine` was opened for."""
    names: dict[None, str] = connection.get_execution_options().get("schema_translate_map", {})
    return names.get(None)


def _prepare_sqlite(engine: Engine) -> None:
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)


async def connected_or_closed(*args: Any, **kwargs: Any) -> Any:
    """Connect to PostgreSQL. Cancelled on the way, wait for the connection first, and close it.

    psycopg lets go of a half-made connection without closing it: it stays open until it is collected as garbage.
    """
    connecting = asyncio.create_task(connect(*args, **kwargs), name="connect")
    try:
        return await asyncio.shield(connecting)
    except asyncio.CancelledError:
        await to_its_end(_closed(connecting), name="close a connection that nobody takes")
        raise


async def _closed(connecting: asyncio.Task[Any]) -> None:
    await asyncio.wait([connecting])
    if not connecting.cancelled() and connecting.exception() is None:
        await connecting.result().close()


def _configure_sqlite(connection: Any, record: object) -> None:
    del record
    connection.isolation_level = None  # the driver's own BEGIN comes too late to guard a read before a write
    cursor = connection.cursor()
    try:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            cursor.execute(f"PRAGMA {pragma}")
    except Exception:
        connection.close()  # else its thread ends some time later, and complains that the loop is closed
        raise
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("trunkline_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
