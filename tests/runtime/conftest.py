"""An open line and the database below it, on SQLite and on PostgreSQL; and imports that leave no trace."""

import os
import sys
from collections.abc import AsyncGenerator, Generator

import pytest

from trunkline import Trunkline
from trunkline.agents import Models
from trunkline.runtime.storage.database import Database, open_database


@pytest.fixture
async def database(url: str) -> AsyncGenerator[Database]:
    """An open database, beside whatever else is open on it."""
    async with open_database(url) as opened:
        yield opened


@pytest.fixture
async def line(url: str) -> AsyncGenerator[Trunkline]:
    """An open line without a tenant and without named models."""
    async with Trunkline(url, models=Models({})) as opened:
        yield opened


@pytest.fixture
def forgetting(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Afterwards, the interpreter knows no module, no folder and no variable that it did not know before."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(os, "environ", os.environ.copy())
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]
