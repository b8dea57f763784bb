"""Upgrades a database, one process at a time."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from trunkline.runtime.storage.engine import WRITES
from trunkline.runtime.storage.migration import upgrade
from trunkline.runtime.storage.upgrade_lock import upgrade_lock


async def upgrade_engine(engine: AsyncEngine) -> None:
    """Run the migrations that are missing, in one transaction."""
    async with upgrade_lock(engine), engine.execution_options(**WRITES).begin() as connection:
        await upgrade(connection)
