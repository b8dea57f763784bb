"""Database URLs as people write them."""

from pathlib import Path

import pytest

from trunkline import Trunkline
from trunkline.errors import DatabaseUnreachableError, DatabaseUrlError
from trunkline.runtime.storage.database import open_database
from trunkline.runtime.storage.url import parse_url


@pytest.mark.parametrize(
    ("text", "driver", "embedded"),
    [
        ("sqlite:///shop.db", "sqlite+aiosqlite", True),
        ("sqlite+aiosqlite:////data/shop.db", "sqlite+aiosqlite", True),
        ("postgresql://ann@db.example/shop", "postgresql+psycopg", False),
        ("postgres://ann@db.example/shop", "postgresql+psycopg", False),
        ("postgresql+psycopg2://ann@db.example/shop", "postgresql+psycopg", False),
    ],
)
def test_the_driver_need_not_be_named(text: str, driver: str, embedded: bool) -> None:
    """Ours is taken, whichever is written."""
    url = parse_url(text)

    assert (url.url.drivername, url.embedded, url.shown) == (driver, embedded, text)


def test_an_embedded_database_is_a_file() -> None:
    """Relative to the working folder unless the path begins with a slash."""
    assert parse_url("sqlite:///shop.db").path == Path("shop.db")
    assert parse_url("sqlite:////data/shop.db").path == Path("/data/shop.db")


@pytest.mark.parametrize(
    "text", ["postgresql://ann:s3cret@db.example/shop", "postgresql://db.example/shop?user=ann&password=s3cret"]
)
def test_a_password_is_used_and_not_shown(text: str) -> None:
    """Wherever it stands in the URL."""
    url = parse_url(text)

    assert "s3cret" not in url.shown
    assert "s3cret" in url.conninfo


def test_what_libpq_understands_is_passed_on() -> None:
    """The socket's folder, for one."""
    assert parse_url("postgresql://ann@/shop?host=/run/db").conninfo == "postgresql://ann@/shop?host=%2Frun%2Fdb"


def test_a_schema_is_ours_and_not_the_drivers() -> None:
    """It is shown, because whoever copies the URL means the same tables."""
    url = parse_url("postgresql://ann@db.example/shop?schema=trunkline&connect_timeout=3")

    assert url.schema == "trunkline"
    assert url.conninfo == "postgresql://ann@db.example/shop?connect_timeout=3"
    assert "schema=trunkline" in url.shown


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("sqlite:///shop.db?schema=trunkline", "asks for a schema, which SQLite has not: name another file"),
        ("postgresql://db.example/shop?schema=Shop-1", "asks for the schema 'Shop-1', whose name needs quotes"),
        ("postgresql://db.example/shop?schema=pg_shop", "asks for the schema 'pg_shop', whose name .* begins with pg_"),
        ("postgresql://db.example/shop?schema=", "asks for a schema without a name"),
        ("postgresql://db.example/shop?schema=a&schema=b", "asks for 2 schemas, and all tables are in one"),
        ("shop.db", "is not a URL"),
        ("", "is not a URL"),
        ("postgresql://ann@db.example:port/shop", "is not a URL"),
        ("mysql://ann@db.example/shop", "is for mysql, which Trunkline does not run on"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(text: str, problem: str) -> None:
    """The text says why, and how one is written."""
    with pytest.raises(DatabaseUrlError, match=f"{problem}.*; write sqlite:///file.db or postgresql://user@host/name"):
        parse_url(text)


@pytest.mark.parametrize("what", ["folder", "text"])
async def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, what: str) -> None:
    """It lies in a folder that is not there, or is something else than a database."""
    path = tmp_path / "nowhere" / "shop.db" if what == "folder" else tmp_path / "notes.txt"
    if what == "text":
        path.write_text("not a database, however one looks at it\n" * 100)

    with pytest.raises(DatabaseUnreachableError, match=f"database sqlite:///{path} cannot be opened: "):
        async with Trunkline(f"sqlite:///{path}"):
            pass


async def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    """Also not in what the driver says."""
    with pytest.raises(DatabaseUnreachableError) as raised:
        async with open_database("postgresql://ann:s3cret@127.0.0.1:9/shop"):
            pass

    assert "postgresql://ann:***@127.0.0.1:9/shop cannot be opened: " in str(raised.value)
    assert "s3cret" not in str(raised.value)
