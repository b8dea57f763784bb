"""Insert-or-update, which SQLite and PostgreSQL write alike and SQLAlchemy keeps in two places."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite

from trunkline.runtime.storage.tables import Table

Upsert = postgresql.Insert | sqlite.Insert


def upsert(
    dialect: Dialect | str, table: type[Table], *, replacing: Collection[str] = (), unique: Collection[str] = ()
) -> Upsert:
    """Return the statement that inserts rows, and where a row with the same unique columns (left out, the primary key)
    exists replaces these columns (or none). The dialect may be given by its name.
    """
    return _upsert(dialect if isinstance(dialect, str) else dialect.name, table, tuple(replacing), tuple(unique))


@cache
def _upsert(dialect: str, table: type[Table], replacing: tuple[str, ...], unique: tuple[str, ...]) -> Upsert:
    statement = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    keys = list(unique) or [column.name for column in table.__mapper__.primary_key]
    if not replacing:
        return statement.on_conflict_do_nothing(index_elements=keys)
    fresh = {name: statement.excluded[name] for name in replacing}
    return statement.on_conflict_do_update(index_elements=keys, set_=fresh)
