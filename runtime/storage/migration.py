"""Brings a database's tables to this version, and tells where they stand."""

from __future__ import annotations

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection


def wanted_revision() -> str:
    """Return the newest revision that this version of Trunkline knows."""
    return ScriptDirectory.from_config(_config()).get_current_head() or "none"


async def current_revision(connection: AsyncConnection) -> str | None:
    """Return the revision of the database, or None when it has no tables of Trunkline."""
    return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def upgrade(connection: AsyncConnection) -> None:
    """Run the migrations that are missing, within the connection's transaction."""
    await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("trunkline") / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
