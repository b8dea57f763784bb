"""Which bus a URL stands for."""

from __future__ import annotations

import importlib.util
from contextlib import AbstractAsyncContextManager, nullcontext
from urllib.parse import urlsplit

from trunkline.errors import BusUrlError, MissingExtraError
from trunkline.runtime.bus.bus import Bus
from trunkline.runtime.bus.memory import MemoryBus
from trunkline.runtime.bus.wired import WiredBus
from trunkline.runtime.storage.url import parse_url


def open_bus(url: str | None, database_url: str) -> AbstractAsyncContextManager[Bus]:
    """Return the bus at this URL, to be opened with `async with`; whether its server is there or not.

    `memory:`, `redis://…`, `rediss://…`, `unix://…` (Redis on a socket), `nats://…`, `tls://…` (NATS), or
    `postgresql://…`: another way to the same database and schema, for when `database_url` leads through a transaction
    pooler. None stands for the bus that comes with the database. Raises `BusUrlError` and `MissingExtraError`.
    """
    embedded = parse_url(database_url).embedded
    if url is None:
        url = "memory:" if embedded else database_url
    match _scheme(url):
        case "memory":
            return nullcontext(MemoryBus())
        case "postgresql" | "postgres":
            return _postgres(url, rings_at_commit=not embedded)
        case "redis" | "rediss" | "unix":
            return _redis(url)
        case "nats" | "tls":
            return _nats(url)
        case _:
            raise BusUrlError(url=shown(url), problem="is for no bus that Trunkline knows")


def shown(url: str) -> str:
    """Return the URL for people: without name, password and options."""
    before, _, rest = url.partition("?")[0].rpartition("@")
    return f"{before.partition('://')[0]}://{rest}" if before else rest


def _scheme(url: str) -> str:
    """Return the scheme of a URL, without the driver that SQLAlchemy's URLs name."""
    try:
        parts = urlsplit(url.partition(",")[0])
        _ = parts.port  # raises where it is not a number
    except ValueError as error:
        raise BusUrlError(url=shown(url), problem="is not a URL") from error
    return parts.scheme.partition("+")[0]


def _postgres(url: str, *, rings_at_commit: bool) -> WiredBus:
    _require("psycopg", feature="the bus over PostgreSQL", extra="postgres")
    from trunkline.runtime.bus.postgres import postgres_dial

    return WiredBus(postgres_dial(parse_url(url).conninfo), shown=shown(url), rings_at_commit=rings_at_commit)


def _redis(url: str) -> WiredBus:
    _require("redis", feature="the bus over Redis", extra="redis")
    from trunkline.runtime.bus.redis import redis_dial

    try:
        return WiredBus(redis_dial(url), shown=shown(url))
    except ValueError as error:
        raise BusUrlError(url=shown(url), problem=f"is not one of Redis: {error}") from error


def _nats(url: str) -> WiredBus:
    _require("nats", feature="the bus over NATS", extra="nats")
    from trunkline.runtime.bus.nats import nats_dial

    if not all(urlsplit(each).hostname for each in url.split(",")):
        raise BusUrlError(url=shown(url), problem="names no host")
    return WiredBus(nats_dial(url), shown=shown(url))


def _require(package: str, *, feature: str, extra: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(feature=feature, extra=extra)
