"""Engines: connections that the one who wanted them goes away from, and statements that are compiled once."""

import asyncio
import gc
from collections.abc import Generator
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text
from sqlalchemy.engine.interfaces import CacheStats

from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.tables import RunRow
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
