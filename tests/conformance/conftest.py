"""Savers, stores and caches for the conformance suites, on each kind of database, in clear and with encryption."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from stand_ins.keys import NEW
from trunkline import ManualClock, SQLAlchemyCache, SQLAlchemySaver, SQLAlchemyStore
from trunkline.runtime.storage.checkpoints.keyring import Keyring


@pytest.fixture(params=["sqlite", "postgresql", "sqlite, encrypted"])
def kind(request: pytest.FixtureRequest) -> str:
    """A database, and whether its state is encrypted; parametrise it to choose."""
    return request.param


@pytest.fixture
def backend(kind: str) -> str:
    """Which kind of database the test runs on."""
    return kind.partition(",")[0]


@pytest.fixture
def keys(kind: str) -> Keyring | None:
    """What state is encrypted with."""
    return NEW if "encrypted" in kind else None


@pytest.fixture
async def saver(url: str, keys: Keyring | None) -> AsyncGenerator[SQLAlchemySaver]:
    async with SQLAlchemySaver.from_conn_string(url, keys=keys) as opened:
        yield opened


@pytest.fixture
async def other(url: str, keys: Keyring | None) -> AsyncGenerator[SQLAlchemySaver]:
    """Another process's saver on the same database: it shares nothing with the first but the tables."""
    async with SQLAlchemySaver.from_conn_string(url, keys=keys) as opened:
        yield opened


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(url: str, keys: Keyring | None, clock: ManualClock) -> AsyncGenerator[SQLAlchemyStore]:
    async with SQLAlchemyStore.from_conn_string(url, keys=keys, clock=clock) as opened:
        yield opened


@pytest.fixture
async def cache(url: str, keys: Keyring | None, clock: ManualClock) -> AsyncGenerator[SQLAlchemyCache[Any]]:
    async with SQLAlchemyCache[Any].from_conn_string(url, keys=keys, clock=clock) as opened:
        yield opened
