"""One PostgreSQL database for several: another Trunkline, and a user's own migrations."""

from collections.abc import Callable
from typing import Any

import pytest
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from stand_ins.databases import execute, in_schema
from trunkline import Agent, ScriptedModel, Trunkline
from trunkline.runtime.storage.database import (
    downgrade_database,
    open_database,
    revision_of,
    standing_of_database,
    upgrade_database,
    upgrade_script_of,
)
from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.migration import wanted_revision
from trunkline.runtime.storage.upgrade_lock import takes_the_lock, upgrading
from trunkline.runtime.storage.url import parse_url

on_postgresql = pytest.mark.parametrize("backend", ["postgresql"])


async def on_connection(url: str, work: Callable[[Connection], Any]) -> Any:
    """Run synchronous work on a connection and commit it."""
    engine = open_engine(parse_url(url))
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


async def tables(url: str, schema: str | None = None) -> set[str]:
    return await on_connection(url, lambda connection: set(inspect(connection).get_table_names(schema)))


# --- schemas ---


@on_postgresql
async def test_two_in_two_schemas_do_not_meet(empty_url: str) -> None:
    """Neither sees a run of the other's, under the same thread."""
    ours, theirs = in_schema(empty_url, "ours"), in_schema(empty_url, "theirs")
    for url in (ours, theirs):
        await upgrade_database(url)
    async with Trunkline(ours) as line:
        await line.run(Agent("desk", model=ScriptedModel(["hi"])), "hello", thread="t")

    async with open_database(ours) as one, open_database(theirs) as other:
        assert [len(await database.runs.latest(limit=9)) for database in (one, other)] == [1, 0]
    assert await tables(empty_url) == set()


@on_postgresql
async def test_an_upgrade_of_one_schema_waits_for_no_other(empty_url: str) -> None:
    """But for one of its own, also for one that comes to the schema by default."""
    urls = in_schema(empty_url, "public"), in_schema(empty_url), empty_url
    first, second, third = (open_engine(parse_url(url)) for url in urls)

    async with upgrading(first) as held:
        async with upgrading(second):
            pass
        async with third.begin() as connection:
            assert not await takes_the_lock(connection)
        await held.rollback()
    async with third.begin() as connection:
        assert await takes_the_lock(connection)
    for engine in (first, second, third):
        await engine.dispose()


@on_postgresql
async def test_a_schema_that_is_there_needs_nobody_who_may_create_one(empty_url: str) -> None:
    """An administrator has made it and given it away."""
    execute(empty_url, "CREATE ROLE plain LOGIN", "CREATE SCHEMA given AUTHORIZATION plain")
    url = in_schema(empty_url, "given").replace("postgres:@", "plain:@")
    try:
        assert await upgrade_database(url) == wanted_revision()
    finally:
        execute(empty_url, "DROP OWNED BY plain", "DROP ROLE plain")


@on_postgresql
async def test_the_script_makes_the_schema_too(empty_url: str) -> None:
    """What `upgrade --sql` writes needs nothing else, and once it is run there is nothing left to write."""
    url = in_schema(empty_url)
    execute(empty_url, *(await upgrade_script_of(url)).split(";\n\n")[:-1])

    assert await revision_of(url) == wanted_revision()
    assert await upgrade_script_of(url) == ""
    assert await tables(empty_url) == set()


# --- the version table ---


async def as_it_was_called(url: str) -> None:
    """Give the version table the name that it had up to revision 0003."""
    await downgrade_database(url, "0002")
    await on_connection(url, rename)


def rename(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE trunkline_version RENAME TO alembic_version"))
    if connection.dialect.name == "postgresql":
        connection.execute(text("ALTER INDEX trunkline_version_pkc RENAME TO alembic_version_pkc"))


async def test_a_version_table_of_the_old_name_is_adopted(url: str) -> None:
    """Its revision counts, and the upgrade renames it, so that the name is free for a user's own migrations."""
    await as_it_was_called(url)
    assert await revision_of(url) == "0002"

    assert await upgrade_database(url) == wanted_revision()
    await on_connection(url, lambda connection: stamp(connection, "c0ffee"))
    assert (await revision_of(url), "alembic_version" in await tables(url)) == (wanted_revision(), True)


async def test_the_script_renames_it_too(url: str) -> None:
    """Before all else."""
    await as_it_was_called(url)

    assert "ALTER TABLE alembic_version RENAME TO trunkline_version;" in await upgrade_script_of(url)
    assert await revision_of(url) == "0002"


@pytest.mark.parametrize("revision", ["0001", "c0ffee"])
async def test_migrations_of_somebody_else_are_left_alone(empty_url: str, revision: str) -> None:
    """Also when their revisions are called like ours: our tables do not stand beside them."""
    await on_connection(empty_url, lambda connection: stamp(connection, revision))
    assert await revision_of(empty_url) is None

    await upgrade_database(empty_url)
    assert await on_connection(empty_url, stamped) == revision
    assert (await standing_of_database(empty_url)).pending == ()


def stamp(connection: Connection, revision: str) -> None:
    """Do as a user's own Alembic does."""
    key = "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)"
    connection.execute(text(f"CREATE TABLE alembic_version (version_num VARCHAR(32), {key})"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})


def stamped(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
