"""Brings a database's tables to this version and back, and tells where they stand."""

from __future__ import annotations

import io
from functools import cache
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import DowngradeError, MigrationNeededError
from trunkline.runtime.storage.engine import schema_of
from trunkline.runtime.storage.standing import Migration, Standing

_TABLE = "trunkline_version"
_OLD_TABLE = "alembic_version"
"""What the table was called up to revision 0003. A user's own migrations may keep theirs under this name."""

_OLD_REVISIONS = {"0001", "0002", "0003"}
_FIRST_TABLES = {"threads", "runs", "calls", "spans", "spend"}


@cache
def migrations() -> tuple[Migration, ...]:
    """Return all that this version knows, the oldest first."""
    return tuple(_described(script) for script in ScriptDirectory.from_config(_config()).walk_revisions())[::-1]


def wanted_revision() -> str:
    """Return the newest revision that this version of Trunkline knows."""
    return migrations()[-1].revision


async def standing_of(connection: AsyncConnection) -> Standing:
    """Return where the database stands."""
    return await connection.run_sync(_standing)


async def upgrade(connection: AsyncConnection, *, expand_only: bool = False) -> None:
    """Run the migrations that are missing, within the connection's transaction; or those before the first contract."""
    await connection.run_sync(_upgrade, expand_only=expand_only)


async def upgrade_script(connection: AsyncConnection, *, expand_only: bool = False) -> str:
    """Return what `upgrade` would run, as SQL in a transaction of its own; nothing when there is nothing to do."""
    return await connection.run_sync(_upgrade_script, expand_only=expand_only)


async def downgrade(connection: AsyncConnection, revision: str) -> None:
    """Take back the migrations after this one, with what is in their tables. Raises `DowngradeError`."""
    await connection.run_sync(_downgrade, revision)


def _standing(connection: Connection) -> Standing:
    schema = schema_of(connection)
    found = _revision_in(connection, _TABLE, schema)
    return Standing(current=found or _adoptable(connection, schema), migrations=migrations())


def _upgrade(connection: Connection, *, expand_only: bool) -> None:
    target = _target(connection, _standing(connection), expand_only=expand_only)
    command.upgrade(_config(connection), target)


def _upgrade_script(connection: Connection, *, expand_only: bool) -> str:
    standing = _standing(connection)
    target = _target(connection, standing, expand_only=expand_only)
    if target == standing.current and not _adoptable(connection, schema_of(connection)):
        return ""
    script = io.StringIO()
    command.upgrade(_config(connection, script), f"{standing.current or 'base'}:{target}", sql=True)
    return script.getvalue()


def _downgrade(connection: Connection, revision: str) -> None:
    standing = _standing(connection)
    _require_known(connection, standing)
    if revision not in standing.before:
        raise DowngradeError(revision=revision, current=standing.current, before=[*standing.before])
    command.downgrade(_config(connection), revision)


def _target(connection: Connection, standing: Standing, *, expand_only: bool) -> str:
    _require_known(connection, standing)
    return (standing.expanded if expand_only else None) or standing.wanted


def _require_known(connection: Connection, standing: Standing) -> None:
    if not standing.known:
        url = connection.engine.url.render_as_string()
        raise MigrationNeededError(url=url, current=standing.current, wanted=standing.wanted, known=False)


def _described(script: Script) -> Migration:
    module = script.module
    return Migration(
        revision=script.revision,
        sentence=script.longdoc.partition("\n\n")[0],
        phase=module.phase,
        release=module.release,
        completes=getattr(module, "completes", None),
    )


def _revision_in(connection: Connection, table: str, schema: str | None) -> str | None:
    options = {"version_table": table, "version_table_schema": schema}
    heads = MigrationContext.configure(connection, opts=options).get_current_heads()
    return heads[0] if len(heads) == 1 else None


def _adoptable(connection: Connection, schema: str | None) -> str | None:
    """Return the revision in a table of the old name, if that is ours: the first tables stand beside it."""
    tables = set(inspect(connection).get_table_names(schema))
    if _TABLE in tables or not tables >= {_OLD_TABLE, *_FIRST_TABLES}:
        return None
    revision = _revision_in(connection, _OLD_TABLE, schema)
    return revision if revision in _OLD_REVISIONS else None


def _first(connection: Connection) -> list[str]:
    """What comes before the migrations, in their transaction."""
    schema, server = schema_of(connection), connection.dialect.name == "postgresql"
    statements: list[str] = []
    if schema and not inspect(connection).has_schema(schema):  # who may not create one need not, when it is there
        statements.append(f"CREATE SCHEMA {schema}")
    if schema:
        statements.append(f"SET LOCAL search_path TO {schema}, public")  # in public may be the types of extensions
    if _adoptable(connection, schema):
        statements.append(f"ALTER TABLE {_OLD_TABLE} RENAME TO {_TABLE}")
        if server:  # where the name of a key is taken from all other tables too
            statements.append(f"ALTER INDEX IF EXISTS {_OLD_TABLE}_pkc RENAME TO {_TABLE}_pkc")
    return statements


def _config(connection: Connection | None = None, script: io.StringIO | None = None) -> Config:
    config = Config(output_buffer=script) if script else Config()
    config.set_main_option("script_location", str(files("trunkline") / "migrations"))
    config.set_main_option("path_separator", "os")
    if connection is not None:
        place = {"version_table": _TABLE, "version_table_schema": schema_of(connection)}
        config.attributes |= {"connection": connection, "version_table": place, "first": _first(connection)}
    return config
