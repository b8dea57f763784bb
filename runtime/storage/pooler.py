"""What a connection to PostgreSQL is set to, directly or behind a pooler, such as PgBouncer in transaction mode.

A pooler lends a server's connection for one transaction, so nothing may be left in the session: no prepared statement,
no `SET` without `LOCAL`, no `LISTEN`, no lock that outlives the transaction. Prepared statements save a sixth of a
read's time, so psycopg goes on preparing them where no pooler is. One shows in that it makes up the process id that a
server announces to whoever connects.

A process that is frozen in the middle of a transaction holds its locks, and with them whoever wants to take its runs
over. Without a pooler the server ends such a transaction; a pooler has a setting for it (`idle_transaction_timeout`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from psycopg import AsyncConnection, Connection
    from sqlalchemy.pool import ConnectionPoolEntry

_SERVER_PROCESS = "SELECT pg_backend_pid()"
_END_IDLE = "SET idle_in_transaction_session_timeout TO '10s'"
"""Our transactions never wait for anything but the database."""


async def connect(*args: Any, **kwargs: Any) -> AsyncConnection[Any]:
    """Connect, and set the connection up: behind a pooler no statements are prepared, else idle transactions end."""
    from psycopg import AsyncConnection

    connection = await AsyncConnection.connect(*args, **kwargs | {"autocommit": True})
    try:
        row = await (await connection.execute(_SERVER_PROCESS)).fetchone()
        if _is_direct(connection, row):
            await connection.execute(_END_IDLE)
        await connection.set_autocommit(kwargs.get("autocommit", False))
    except BaseException:
        await connection.close()
        raise
    return connection


def set_up(dbapi: Any, record: ConnectionPoolEntry) -> None:
    """Do the same for a connection of a blocking engine: a listener for its connects."""
    connection = cast("Connection[Any]", record.driver_connection)
    try:
        connection.autocommit = True
        row = connection.execute(_SERVER_PROCESS).fetchone()
        if _is_direct(connection, row):
            connection.execute(_END_IDLE)
        connection.autocommit = False
    except BaseException:
        dbapi.close()
        raise


def _is_direct(connection: AsyncConnection[Any] | Connection[Any], row: tuple[int] | None) -> bool:
    """Whether no pooler lies in between; behind one, no statements are prepared."""
    is_direct = row == (connection.info.backend_pid,)
    if not is_direct:
        connection.prepare_threshold = None
    return is_direct
