"""The migrations: they lead to the models, forth and back, by hand and by themselves."""

import asyncio
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import create_async_engine

from stand_ins.catalogue import catalogue
from stand_ins.databases import in_schema
from trunkline import Agent, ScriptedModel, Trunkline
from trunkline.errors import MigrationNeededError
from trunkline.runtime.storage.database import (
    check_database,
    downgrade_database,
    open_database,
    revision_of,
    upgrade_database,
)
from trunkline.runtime.storage.migration import migrations, wanted_revision
from trunkline.runtime.storage.standing import Migration, Phase, Standing
from trunkline.runtime.storage.tables import Table
from trunkline.runtime.storage.url import parse_url

SCRIPTS = Path(__file__).parents[2] / "alembic"

on_postgresql = pytest.mark.parametrize("backend", ["postgresql"])
on_sqlite = pytest.mark.parametrize("backend", ["sqlite"])


async def on_connection(url: str, work: Callable[[Connection], Any]) -> Any:
    """Run synchronous work on a connection and commit it."""
    engine = create_async_engine(parse_url(url).url)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def differences(connection: Connection) -> list[Any]:
    """What autogenerate would write into a new migration."""
    options = {"compare_type": True, "compare_server_default": True, "version_table": "trunkline_version"}
    return compare_metadata(MigrationContext.configure(connection, opts=options), Table.metadata)


async def test_all_migrations_together_are_the_models(url: str) -> None:
    """No column, index or key is missing, and none is left over."""
    assert await on_connection(url, differences) == []


async def test_tables_are_the_same_to_the_letter(url: str) -> None:
    """Autogenerate passes over conditions, primary keys, names of constraints; the models' own tables do not."""
    migrated = await on_connection(url, catalogue)
    await on_connection(url, Table.metadata.drop_all)
    await on_connection(url, Table.metadata.create_all)

    assert await on_connection(url, catalogue) == migrated


@on_postgresql
async def test_a_schema_has_the_same_tables_to_the_letter(url: str, empty_url: str) -> None:
    """And nothing is left outside it."""
    await upgrade_database(in_schema(empty_url))

    assert await on_connection(empty_url, partial(catalogue, schema="trunkline")) == await on_connection(url, catalogue)
    assert await on_connection(empty_url, tables) == set()


async def test_the_newest_migration_can_be_taken_back_and_made_again(url: str) -> None:
    """With what is written in all tables: what the older one knows stays."""
    desk = Agent("desk", model=ScriptedModel(["hi", "hi again"]))
    async with Trunkline(url) as line:
        await line.run(desk, "hello", thread="t")
    await downgrade_database(url, migrations()[-2].revision)

    assert await revision_of(url) == migrations()[-2].revision
    await upgrade_database(url)
    assert await on_connection(url, differences) == []
    async with Trunkline(url) as line:
        await line.run(desk, "hello again", thread="t")
    async with open_database(url) as database:
        assert len(await database.runs.latest(limit=10)) == 2


@pytest.mark.parametrize("migration", migrations(), ids=lambda one: one.revision)
def test_each_migration_says_what_it_does_and_of_which_kind_it_is(migration: Migration) -> None:
    """One sentence; `expand` leaves an older version running beside it, `contract` does not."""
    script = (SCRIPTS / "versions").glob(f"{migration.revision}_*.py")

    assert migration.sentence.endswith(".")
    assert migration.phase in {"expand", "contract"}
    assert f"\n\nPhase: {migration.phase}.\n" in next(script).read_text()
    assert re.fullmatch(r"\d+\.\d+\.\d+", migration.release)


def test_a_contract_comes_a_release_after_its_expand() -> None:
    """And after all expands of its own release, so that `upgrade --expand-only` gets past those."""
    assert out_of_order(migrations()) == []


def test_a_contract_that_comes_too_early_is_found() -> None:
    """In the release of its expand, before an expand of its own release, or without naming one."""
    made = [
        step("1", "expand", "0.1.0"),
        step("2", "contract", "0.1.0", completes="1"),
        step("3", "contract", "0.2.0"),
        step("4", "contract", "0.3.0", completes="1"),
        step("5", "expand", "0.3.0"),
        step("6", "contract", "0.10.0", completes="5"),
    ]

    assert out_of_order(made) == ["2", "3", "4"]


def step(revision: str, phase: Phase, release: str, completes: str | None = None) -> Migration:
    return Migration(revision=revision, sentence="Acts.", phase=phase, release=release, completes=completes)


def out_of_order(steps: Sequence[Migration]) -> list[str]:
    """The contracts that come too early."""
    expands = {one.revision: release_of(one) for one in steps if one.phase == "expand"}
    return [
        one.revision
        for at, one in enumerate(steps)
        if one.phase == "contract"
        and (
            expands.get(one.completes or "", release_of(one)) >= release_of(one)
            or any(later.phase == "expand" and later.release == one.release for later in steps[at:])
        )
    ]


def release_of(migration: Migration) -> list[int]:
    return [int(part) for part in migration.release.split(".")]


def test_an_expanding_upgrade_stops_before_the_first_contract() -> None:
    """Then, and when all is done, the tables can be worked on."""
    steps = [step("1", "expand", "0.1.0"), step("2", "expand", "0.2.0"), step("3", "contract", "0.2.0", "1")]
    standings = [Standing(current=current, migrations=steps) for current in (None, "1", "2", "3", "4")]

    assert [one.expanded for one in standings] == ["2", "2", "2", "3", "4"]
    assert [one.usable for one in standings] == [False, False, True, True, False]


async def test_an_upgrade_can_be_repeated(url: str) -> None:
    """It changes nothing the second time, least of all what was written."""
    async with Trunkline(url) as line:
        await line.run(Agent("desk", model=ScriptedModel(["hi"])), "hello")

    assert await upgrade_database(url) == await check_database(url) == wanted_revision()
    async with open_database(url) as database:
        assert len(await database.runs.latest(limit=10)) == 1


@on_sqlite
async def test_a_file_is_made_and_upgraded_by_itself(empty_url: str) -> None:
    """Who opens a line need not know of migrations."""
    assert await revision_of(empty_url) is None
    async with Trunkline(empty_url) as line:
        await line.run(Agent("desk", model=ScriptedModel(["hi"])), "hello")

    assert await check_database(empty_url) == wanted_revision()


@on_sqlite
async def test_looking_at_a_file_that_is_not_there_makes_none(empty_url: str) -> None:
    """Not even an empty one."""
    assert await revision_of(empty_url) is None
    with pytest.raises(MigrationNeededError):
        await check_database(empty_url)

    assert not parse_url(empty_url).path.exists()


@on_postgresql
async def test_a_server_database_is_upgraded_only_on_demand(empty_url: str) -> None:
    """Opening it says what to do, and touches nothing."""
    with pytest.raises(MigrationNeededError, match=r"has no tables of Trunkline.*run 'trunkline db upgrade"):
        async with Trunkline(empty_url):
            pass

    assert await on_connection(empty_url, tables) == set()
    await upgrade_database(empty_url)
    async with Trunkline(empty_url) as line:
        assert (await line.run(Agent("desk", model=ScriptedModel(["hi"])), "hello")).text == "hi"


@on_postgresql
async def test_a_database_of_another_version_is_refused(url: str) -> None:
    """Whether it is older or newer."""
    await on_connection(
        url, lambda connection: connection.exec_driver_sql("UPDATE trunkline_version SET version_num = '9999'")
    )

    with pytest.raises(MigrationNeededError, match="is at revision 9999, this version needs"):
        async with open_database(url):
            pass


OPEN = """
import asyncio, sys
from trunkline.runtime.storage.database import open_database, upgrade_database

async def main(url: str) -> None:
    print("ready", flush=True)
    sys.stdin.readline()
    await upgrade_database(url)
    async with open_database(url) as database:
        await database.flush()

asyncio.run(main(sys.argv[1]))
"""


async def test_two_processes_may_upgrade_at_once(empty_url: str) -> None:
    """Both end well, whoever is first."""
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-c", OPEN, empty_url]
    children = [await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe) for _ in range(2)]
    async with asyncio.timeout(60):
        for child in children:
            assert child.stdout
            assert await child.stdout.readline() == b"ready\n"
        endings = await asyncio.gather(*(child.communicate(b"go\n") for child in children))

    assert [(child.returncode, error) for child, (_, error) in zip(children, endings, strict=True)] == [(0, b"")] * 2
    assert await check_database(empty_url) == wanted_revision()
