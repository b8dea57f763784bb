"""Databases for the tests that need one, each on SQLite and on PostgreSQL."""

import asyncio
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from stand_ins.databases import Connections, name_in, postgres_database, postgres_server
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
def upgraded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to make others of."""
    path = tmp_path_factory.mktemp("template") / "upgraded.db"
    asyncio.run(upgrade_database(f"sqlite:///{path}"))
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Which kind of database the test runs on; parametrise it to choose."""
    return request.param


@pytest.fixture
def empty_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Generator[str]:
    """The URL of a database without tables; afterwards nobody may be connected to it."""
    with Connections() as connections:
        if backend == "sqlite":
            yield f"sqlite:///{tmp_path / 'line.db'}"
        else:
            with postgres_database(request.getfixturevalue("postgres")) as url:
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
            template = request.getfixturevalue("upgraded_postgres")
            with postgres_database(request.getfixturevalue("postgres"), template=template) as url:
                yield url
        assert connections.out == 0
