"""Engines: connections that the one who wanted them goes away from, and statements that are compiled once."""

import asyncio
import gc
from collections.abc import Generator
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text
from sqlalchemy.engine.interfaces import CacheStats
from sqlalchemy.exc import DBAPIError

from trunkline.runtime.storage.engine import blocking_twin, open_engine
from trunkline.runtime.storage.tables import RunRow
from trunkline.runtime.storage.unreachable import is_unreachable
from trunkline.runtime.storage.url import parse_url

PASSES = range(0, 40, 2)


@pytest.fixture
def uncollected() -> Generator[None]:
    """Nothing is closed only because it is garbage."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("backend", ["postgresql"])
async def test_a_connection_that_is_cancelled_on_its_way_is_closed(url: str) -> None:
    """However far it had come: the fixture fails when somebody is still connected."""

    async def asks() -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    for passes in PASSES:
        engine = open_engine(parse_url(url))
        asking = asyncio.create_task(asks())
        for _ in range(passes):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
        await engine.dispose()


async def test_engines_on_equal_databases_share_what_is_compiled(url: str) -> None:
    """What one has compiled the next one only runs."""
    found: list[CacheStats] = []

    def executing(_: object, __: object, ___: object, ____: object, execution: Any, _____: object) -> None:
        if execution.compiled:  # a BEGIN is not
            found.append(execution.cache_hit)

    for _ in range(2):
        engine = open_engine(parse_url(url))
        async with engine.connect() as connection:
            event.listen(Engine, "before_cursor_execute", executing)
            await connection.execute(select(RunRow.id, RunRow.ended_at.label("when_it_ended")))
            event.remove(Engine, "before_cursor_execute", executing)
        await engine.dispose()

    assert found == [CacheStats.CACHE_MISS, CacheStats.CACHE_HIT]


@pytest.mark.parametrize(("backend", "seconds"), [("postgresql", "10s"), ("pooled", "0")])
async def test_the_server_ends_transactions_of_frozen_processes(url: str, seconds: str) -> None:
    """Directly; what was set behind a pooler would be left to whoever has the connection next."""
    engine = open_engine(parse_url(url))
    twin = blocking_twin(engine)
    assert twin
    show = text("SHOW idle_in_transaction_session_timeout")
    async with engine.connect() as connection:
        shown = [await connection.scalar(show)]
    with twin.connect() as blocking:
        shown.append(blocking.scalar(show))
    twin.dispose()
    await engine.dispose()

    assert shown == [seconds, seconds]


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_who_was_frozen_in_a_transaction_finds_it_ended_and_may_try_again(url: str) -> None:
    """What it has locked is free for others; the connection is gone as if the database had been away."""
    engine = open_engine(parse_url(url))
    async with engine.connect() as frozen, engine.connect() as other:
        await frozen.execute(text("SELECT pg_advisory_xact_lock(1)"))
        await frozen.execute(text("SET LOCAL idle_in_transaction_session_timeout TO '100ms'"))
        async with asyncio.timeout(30):
            await other.execute(text("SELECT pg_advisory_xact_lock(1)"))
        with pytest.raises(DBAPIError) as ended:
            await frozen.execute(text("SELECT 1"))
    await engine.dispose()

    assert is_unreachable(ended.value)
