"""Upgrades a database and takes upgrades back, one process at a time, each in one transaction."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from trunkline.runtime.storage.migration import downgrade, upgrade
from trunkline.runtime.storage.upgrade_lock import upgrading


async def upgrade_engine(engine: AsyncEngine, *, expand_only: bool = False) -> None:
    """Run the migrations that are missing; or those before the first contract."""
    async with upgrading(engine) as connection:
        await upgrade(connection, expand_only=expand_only)


async def downgrade_engine(engine: AsyncEngine, revision: str) -> None:
    """Take back the migrations after this one. Raises `DowngradeError`."""
    async with upgrading(engine) as connection:
        await downgrade(connection, revision)
