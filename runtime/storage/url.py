"""Database URLs as users write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from trunkline.errors import DatabaseUrlError

_SCHEMA = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
"""What PostgreSQL takes without quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUrl:
    """A database URL, understood."""

    url: URL
    """For SQLAlchemy, with the asynchronous driver in it."""

    shown: str
    """For people: as it was written, without the password."""

    schema: str | None = None
    """The PostgreSQL schema that holds the tables; None leaves it to the server's search path."""

    @property
    def embedded(self) -> bool:
        """Whether it is a file beside the program, which Trunkline creates and upgrades by itself."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path:
        """The file of an embedded database."""
        return Path(self.url.database or "")

    @property
    def conninfo(self) -> str:
        """What libpq understands, for a server database."""
        return self.url.set(drivername="postgresql").render_as_string(hide_password=False)


def parse_url(text: str) -> DatabaseUrl:
    """Return the URL understood. Raises `DatabaseUrlError` for a database that Trunkline does not run on."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:  # a ValueError is a port that is not a number
        raise DatabaseUrlError(url=text, problem="is not a URL") from error
    shown = url.difference_update_query(["password"]).render_as_string(hide_password=bool(url.password))
    match url.get_backend_name():
        case "sqlite" if not url.database or url.database == ":memory:":
            raise DatabaseUrlError(url=shown, problem="names no file, and state that must survive needs one")
        case "sqlite" if "schema" in url.query:
            raise DatabaseUrlError(url=shown, problem="asks for a schema, which SQLite has not: name another file")
        case "sqlite":
            return DatabaseUrl(url=url.set(drivername="sqlite+aiosqlite"), shown=shown)
        case "postgresql" | "postgres":
            driven = url.difference_update_query(["schema"]).set(drivername="postgresql+psycopg")
            return DatabaseUrl(url=driven, shown=shown, schema=_schema(text, url, shown))
        case other:
            raise DatabaseUrlError(url=shown, problem=f"is for {other}, which Trunkline does not run on")


def _schema(text: str, url: URL, shown: str) -> str | None:
    if re.search(r"[?&]schema=(&|$)", text):  # else it would be as if none was asked for
        raise DatabaseUrlError(url=shown, problem="asks for a schema without a name")
    match url.query.get("schema"):
        case str(schema) if not _SCHEMA.fullmatch(schema):
            problem = f"asks for the schema {schema!r}, whose name needs quotes or begins with pg_"
            raise DatabaseUrlError(url=shown, problem=problem)
        case str() | None as schema:
            return schema
        case several:
            raise DatabaseUrlError(url=shown, problem=f"asks for {len(several)} schemas, and all tables are in one")
