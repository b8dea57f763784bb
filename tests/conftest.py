"""Databases for the tests that need one, each on SQLite and on PostgreSQL."""

import asyncio
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stand_ins.databases import Connections, in_schema, name_in, postgres_database, postgres_server
from stand_ins.transaction_pooler import transaction_pooler
from trunkline.runtime.storage.database import upgrade_database


@pytest.fixture(scope="session")
def postgres() -> Generator[str]:
    """The URL of a PostgreSQL server, one for all workers of a test run."""
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def upgraded_postgres(postgres: str) -> Generator[str]:
    """The name of a database with all tables, to make others of."""
    with postgres_database(postgres) as url:
        asyncio.run(upgrade_database(url))
        yield name_in(url)


@pytest.fixture(scope="session")
def upgraded_schema(postgres: str) -> Generator[str]:
    """The name of a database with all tables in a schema and none elsewhere, to make others of."""
    with postgres_database(postgres) as url:
        asyncio.run(upgrade_database(in_schema(url)))
        yield name_in(url)


@pytest.fixture(scope="session")
def upgraded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to make others of."""
    path = tmp_path_factory.mktemp("template") / "upgraded.db"
    asyncio.run(upgrade_database(f"sqlite:///{path}"))
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Which kind of database the test runs on; parametrise it to choose.

    There are also `pooled`, PostgreSQL through a pooler in transaction mode, and `schema`, PostgreSQL in a schema.
    """
    return request.param


@contextmanager
def way_to(direct: str, backend: str) -> Generator[str]:
    """Give the URL by which a test of this backend gets to the PostgreSQL database."""
    if backend == "pooled":
        with transaction_pooler(direct) as (url, pooler):
            yield url
        assert pooler.left_behind == []
    else:
        yield in_schema(direct) if backend == "schema" else direct


@pytest.fixture
def empty_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Generator[str]:
    """The URL of a database without tables; afterwards nobody may be connected to it."""
    with Connections() as connections:
        if backend == "sqlite":
            yield f"sqlite:///{tmp_path / 'line.db'}"
        else:
            with postgres_database(request.getfixturevalue("postgres")) as direct, way_to(direct, backend) as url:
                yield url
        assert connections.out == 0


@pytest.fixture
def url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Generator[str]:
    """The URL of a database with all tables and no rows; afterwards nobody may be connected to it."""
    with Connections() as connections:
        if backend == "sqlite":
            shutil.copy(request.getfixturevalue("upgraded_file"), tmp_path / "line.db")
            yield f"sqlite:///{tmp_path / 'line.db'}"
        else:
            server = request.getfixturevalue("postgres")
            template = request.getfixturevalue("upgraded_schema" if backend == "schema" else "upgraded_postgres")
            with postgres_database(server, template=template) as direct, way_to(direct, backend) as url:
                yield url
        assert connections.out == 0
