"""Connections to databases, where the one who wanted them goes away."""

import asyncio
import gc
from collections.abc import Generator

import pytest
from sqlalchemy import text

from trunkline.runtime.storage.engine import open_engine
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
