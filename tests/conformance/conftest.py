"""Savers, stores and caches for the conformance suites."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from trunkline import ManualClock, SQLAlchemyCache, SQLAlchemySaver, SQLAlchemyStore


@pytest.fixture(params=["sqlite", "postgresql", "pooled", "schema"])
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def saver(url: str) -> AsyncGenerator[SQLAlchemySaver]:
    async with SQLAlchemySaver.from_conn_string(url) as opened:
        yield opened


@pytest.fixture
async def other(url: str) -> AsyncGenerator[SQLAlchemySaver]:
    """Another process's saver on the same database: it shares nothing with the first but the tables."""
    async with SQLAlchemySaver.from_conn_string(url) as opened:
        yield opened


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(url: str, clock: ManualClock) -> AsyncGenerator[SQLAlchemyStore]:
    async with SQLAlchemyStore.from_conn_string(url, clock=clock) as opened:
        yield opened


@pytest.fixture
async def cache(url: str, clock: ManualClock) -> AsyncGenerator[SQLAlchemyCache[Any]]:
    async with SQLAlchemyCache[Any].from_conn_string(url, clock=clock) as opened:
        yield opened
