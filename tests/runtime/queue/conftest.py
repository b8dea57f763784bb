"""The queue of a process with a clock by hand and a worker `w`, and that of another process beside it."""

from collections.abc import AsyncGenerator

import pytest

from stand_ins.queues import QueueUnderTest, queue_on


@pytest.fixture
async def here(url: str) -> AsyncGenerator[QueueUnderTest]:
    """A queue with the worker `w`."""
    async with queue_on(url) as opened:
        await opened.arrive("w")
        yield opened


@pytest.fixture
async def there(url: str, here: QueueUnderTest) -> AsyncGenerator[QueueUnderTest]:
    """Another process's queue on the same database, at the same time of day."""
    async with queue_on(url, here.clock) as opened:
        yield opened
