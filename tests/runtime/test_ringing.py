"""Rings that are part of a transaction."""

from collections.abc import AsyncGenerator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from trunkline.runtime.bus.bus import Heard
from trunkline.runtime.bus.opening import open_bus
from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.ringing import ringing
from trunkline.runtime.storage.url import parse_url

DEADLINE = 20.0
QUEUE = "queue:Ärger: 'after'"
pytestmark = pytest.mark.parametrize("backend", ["postgresql"])


@pytest.fixture
async def engine(empty_url: str) -> AsyncGenerator[AsyncEngine]:
    """The database that the transactions are on."""
    engine = open_engine(parse_url(empty_url))
    yield engine
    await engine.dispose()


async def test_a_ring_is_heard_when_its_transaction_commits(engine: AsyncEngine, empty_url: str) -> None:
    """Once, however often the transaction rang; before the commit it is silent."""
    async with open_bus(None, empty_url) as bus, bus.listen(QUEUE) as listener:
        async with engine.begin() as connection:
            for _ in range(3):
                await connection.execute(ringing(QUEUE))
            await bus.publish(QUEUE, b"before")
            assert await listener.next(within=DEADLINE) == Heard(topic=QUEUE, message=b"before")

        assert await listener.next(within=DEADLINE) == Heard(topic=QUEUE)


async def test_a_transaction_that_is_rolled_back_does_not_ring(engine: AsyncEngine, empty_url: str) -> None:
    """There is nothing to look for."""
    async with open_bus(None, empty_url) as bus, bus.listen(QUEUE) as listener:
        async with engine.connect() as connection:
            await connection.execute(ringing(QUEUE))
            await connection.rollback()
        await bus.publish(QUEUE, b"after")

        assert await listener.next(within=DEADLINE) == Heard(topic=QUEUE, message=b"after")


async def test_two_schemas_of_a_database_do_not_ring_each_other(engine: AsyncEngine, empty_url: str) -> None:
    """Each is a Trunkline of its own."""
    async with engine.begin() as connection:
        await connection.exec_driver_sql("CREATE SCHEMA other")
    there = empty_url + ("&" if "?" in empty_url else "?") + "options=-csearch_path%3Dother"
    async with open_bus(there, empty_url) as bus, bus.listen(QUEUE) as listener:
        async with engine.begin() as connection:
            await connection.execute(ringing(QUEUE))
        await bus.publish(QUEUE, b"ours")

        assert await listener.next(within=DEADLINE) == Heard(topic=QUEUE, message=b"ours")
