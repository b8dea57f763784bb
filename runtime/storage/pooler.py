"""PostgreSQL behind a connection pooler, such as PgBouncer in transaction mode.

It lends a server's connection for one transaction, so nothing may be left in the session: no prepared statement, no
`SET` without `LOCAL`, no `LISTEN`, no lock that outlives the transaction. Prepared statements save a sixth of a read's
time, so psycopg goes on preparing them where no pooler is. One shows in that it makes up the process id that a server
announces to whoever connects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from psycopg import AsyncConnection, Connection
    from sqlalchemy.pool import ConnectionPoolEntry

_SERVER_PROCESS = "SELECT pg_backend_pid()"


async def connect(*args: Any, **kwargs: Any) -> AsyncConnection[Any]:
    """Connect, and prepare no statements behind a pooler."""
    from psycopg import AsyncConnection

    connection = await AsyncConnection.connect(*args, **kwargs | {"autocommit": True})
    try:
        row = await (await connection.execute(_SERVER_PROCESS)).fetchone()
        await connection.set_autocommit(kwargs.get("autocommit", False))
    except BaseException:
        await connection.close()
        raise
    _set_up(connection, row)
    return connection


def look_for_a_pooler(dbapi: Any, record: ConnectionPoolEntry) -> None:
    """Prepare no statements behind a pooler: a listener for the connects of a blocking engine."""
    connection = cast("Connection[Any]", record.driver_connection)
    try:
        connection.autocommit = True
        row = connection.execute(_SERVER_PROCESS).fetchone()
        connection.autocommit = False
    except BaseException:
        dbapi.close()
        raise
    _set_up(connection, row)


def _set_up(connection: AsyncConnection[Any] | Connection[Any], row: tuple[int] | None) -> None:
    if row != (connection.info.backend_pid,):
        connection.prepare_threshold = None
