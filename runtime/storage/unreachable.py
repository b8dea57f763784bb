"""Tells a database that is not there from one that refuses what it is asked."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, OperationalError

from trunkline.errors import CommitUnknownError

_CLASS_CONNECTION = "08"
_GOING_OR_COMING = frozenset({"57P01", "57P02", "57P03", "53300"})
"""PostgreSQL is shut down by its administrator, has crashed, is starting, has too many connections."""


def is_unreachable(error: Exception) -> bool:
    """Whether the database was away or busy, so that the same may succeed later."""
    if isinstance(error, CommitUnknownError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or not isinstance(error, OperationalError):
        return error.connection_invalidated
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
    code: str | None = getattr(error.orig, "sqlstate", None)  # None: no server said it
    return code is None or code.startswith(_CLASS_CONNECTION) or code in _GOING_OR_COMING
