"""Which bus a URL stands for."""

import sys

import pytest

from trunkline.errors import BusUrlError, DatabaseUrlError, MissingExtraError
from trunkline.runtime.bus.memory import MemoryBus
from trunkline.runtime.bus.opening import open_bus, shown

POSTGRES = "postgresql://ann@db.example/shop"


async def test_an_embedded_database_comes_with_a_bus_of_one_process() -> None:
    """There is nobody else to tell."""
    async with open_bus(None, "sqlite:///shop.db") as bus:
        assert isinstance(bus, MemoryBus)
        assert not bus.rings_at_commit


@pytest.mark.parametrize(
    ("url", "database", "at_commit"),
    [
        (None, "postgresql://ann@127.0.0.1:9/shop", True),
        ("postgres://ann@127.0.0.1:9/shop", POSTGRES, True),
        ("postgresql+psycopg://ann@127.0.0.1:9/shop", "sqlite:///shop.db", False),
        ("redis://127.0.0.1:9/3", POSTGRES, False),
        ("unix:///nowhere/redis.sock", POSTGRES, False),
        ("nats://127.0.0.1:9,nats://127.0.0.1:10", POSTGRES, False),
        ("memory:", POSTGRES, False),
    ],
)
async def test_a_bus_opens_whether_its_server_is_there_or_not(url: str | None, database: str, at_commit: bool) -> None:
    """It tells whether a ring can be part of a transaction of the database."""
    async with open_bus(url, database) as bus:
        assert bus.rings_at_commit is at_commit


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "is for no bus that Trunkline knows"),
        ("kafka://host", "is for no bus that Trunkline knows"),
        ("redis://host:port", "is not a URL"),
        ("redis://host?socket_timeout=long", "is not one of Redis"),
        ("nats://", "names no host"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, problem: str) -> None:
    """The text says why, and how one is written."""
    with pytest.raises(BusUrlError, match=f"bus URL '.*' {problem}.*; write memory:, .* or nats://host:4222"):
        open_bus(url, "sqlite:///shop.db")


def test_a_database_url_that_cannot_be_used_is_refused() -> None:
    """As it is where the database is opened."""
    with pytest.raises(DatabaseUrlError):
        open_bus(None, "mysql://host/shop")


@pytest.mark.parametrize("url", ["redis://:s3cret@host/0?password=s3cret", "nats://ann:s3cret@host:4222"])
def test_a_password_is_not_shown(url: str) -> None:
    """In logs and errors."""
    assert "s3cret" not in shown(url)
    assert "host" in shown(url)


@pytest.mark.parametrize(
    ("url", "package"), [(POSTGRES, "psycopg"), ("redis://host", "redis"), ("nats://host", "nats")]
)
def test_a_missing_package_is_named_with_its_extra(url: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is connected."""
    monkeypatch.setitem(sys.modules, package, None)
    extra = {"psycopg": "postgres"}.get(package, package)

    with pytest.raises(MissingExtraError, match=rf"pip install 'trunkline\[{extra}\]'"):
        open_bus(url, "sqlite:///shop.db")
