"""Opens the database from which threads are imported; nothing in it is changed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import quote

from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from trunkline.errors import DatabaseUnreachableError, ImportSourceError
from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.imports import postgres, sqlite
from trunkline.runtime.storage.imports.foreign import Foreign
from trunkline.runtime.storage.url import DatabaseUrl, parse_url


@asynccontextmanager
async def open_foreign(text: str) -> AsyncGenerator[Foreign]:
    """Open the tables of LangGraph's saver at this URL.

    Raises `DatabaseUrlError`, `DatabaseUnreachableError`, and `ImportSourceError` where there are none.
    """
    url = parse_url(text)
    engine = _read_only(url) if url.embedded else open_engine(url)
    try:
        await _require_tables(engine, url, sqlite.TABLES if url.embedded else postgres.TABLES)
        yield sqlite.SqliteThreads(engine) if url.embedded else postgres.PostgresThreads(engine)
    finally:
        await engine.dispose()


def _read_only(url: DatabaseUrl) -> AsyncEngine:
    if not url.path.is_file():
        raise DatabaseUnreachableError(url=url.shown, problem="there is no such file")
    return create_async_engine(f"sqlite+aiosqlite:///file:{quote(str(url.path.absolute()))}?mode=ro&uri=true")


async def _require_tables(engine: AsyncEngine, url: DatabaseUrl, wanted: tuple[str, ...]) -> None:
    try:
        async with engine.connect() as connection:
            missing = [name for name in wanted if not await connection.run_sync(lambda c: inspect(c).has_table(name))]  # noqa: B023 - run at once
    except (DBAPIError, OSError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise DatabaseUnreachableError(url=url.shown, problem=" ".join(str(cause).split())) from error
    if missing:
        raise ImportSourceError(url=url.shown, missing=missing)
