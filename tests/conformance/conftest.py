"""Savers for the conformance suites."""

from collections.abc import AsyncGenerator

import pytest

from trunkline import SQLAlchemySaver


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
