"""`trunkline db` on the command line."""

import asyncio
import json
import sqlite3
from contextlib import closing

import pytest

from trunkline.runtime.cli.app import execute
from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.migration import wanted_revision
from trunkline.runtime.storage.url import parse_url


def test_a_database_without_tables_is_told_so_and_what_to_do(
    empty_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`check` ends with 3 and names the command; `current` says none."""
    checked = execute(["db", "check", "--database", empty_url])
    advice = capsys.readouterr().err
    current = execute(["db", "current", "--database", empty_url])

    assert (checked, current) == (3, 0)
    assert "trunkline db upgrade" in advice
    assert capsys.readouterr().out == "none\n"


def test_after_an_upgrade_check_and_current_agree(empty_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Data goes to stdout, words to stderr."""
    codes = [execute(["db", what, "--database", empty_url]) for what in ("upgrade", "check")]
    capsys.readouterr()
    codes.append(execute(["db", "current", "--database", empty_url]))

    assert codes == [0, 0, 0]
    assert capsys.readouterr().out == f"{wanted_revision()}\n"


def test_a_server_that_is_not_there_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The line names the address and what the driver said."""
    code = execute(["db", "check", "--database", "postgresql://127.0.0.1:9/none"])
    said = capsys.readouterr().err

    assert code == 3
    assert len(said.splitlines()) == 1
    assert "database postgresql://127.0.0.1:9/none cannot be opened" in said


@pytest.mark.parametrize("backend", ["postgresql"])
@pytest.mark.parametrize("command", ["upgrade", "check"])
def test_a_password_is_never_said(command: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even when all is well: words on stderr end up in logs."""
    secret = url.replace("postgres:@", "postgres:s3cret@")
    assert execute(["db", command, "--database", secret]) == 0

    said = capsys.readouterr().err
    assert "s3cret" not in said
    assert "postgres:***@" in said


async def change_revision(url: str) -> None:
    engine = open_engine(parse_url(url))
    async with engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE trunkline_version SET version_num = '9999'")
    await engine.dispose()


def test_a_database_of_another_version_ends_check_with_3(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The line names both revisions."""
    asyncio.run(change_revision(url))

    assert execute(["db", "check", "--database", url]) == 3
    assert f"is at revision 9999, this version needs {wanted_revision()}" in capsys.readouterr().err


def test_status_tells_what_is_to_come(empty_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each migration with its mark and its sentence; after an upgrade there is none."""
    assert execute(["db", "upgrade", "--database", empty_url]) == 0
    assert execute(["db", "downgrade", "0002", "--database", empty_url]) == 0
    capsys.readouterr()
    execute(["db", "status", "--database", empty_url])
    lines = capsys.readouterr().out.splitlines()

    assert lines[:4] == [
        f"database  {parse_url(empty_url).shown}",
        "current   0002",
        f"wanted    {wanted_revision()}",
        "pending   0003  expand    Creates the tables of the checkpointer.",
    ]


def test_status_is_read_by_programs_too(empty_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One object with `--json`."""
    execute(["db", "upgrade", "--database", empty_url])
    execute(["db", "status", "--json", "--database", empty_url])

    wanted = wanted_revision()
    assert json.loads(capsys.readouterr().out) == {"current": wanted, "wanted": wanted, "pending": []}


def test_the_way_back_leads_only_to_where_the_tables_have_been(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is said names the revisions there are."""
    assert execute(["db", "downgrade", "9999", "--database", url]) == 2
    said = capsys.readouterr().err

    assert "the tables cannot go back to revision '9999': they are at" in said
    assert "before that they were at: 0001, 0002" in said


def test_tables_of_a_newer_version_are_not_touched(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Upgrade and downgrade say so."""
    asyncio.run(change_revision(url))

    assert [execute(["db", *what, "--database", url]) for what in (["upgrade"], ["downgrade", "0001"])] == [3, 3]
    assert capsys.readouterr().err.count("it is older: use a newer Trunkline") == 2


@pytest.mark.parametrize("backend", ["sqlite"])
def test_upgrade_writes_the_sql_instead(empty_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """For whoever lets nobody else change a database; there must be one."""
    missing = execute(["db", "upgrade", "--sql", "--database", empty_url])
    with closing(sqlite3.connect(parse_url(empty_url).path)) as connection:
        written = execute(["db", "upgrade", "--sql", "--database", empty_url])
        connection.executescript(capsys.readouterr().out)

    assert (missing, written, execute(["db", "check", "--database", empty_url])) == (3, 0, 0)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_keys_are_made_and_replaced_on_the_command_line(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key goes to stdout, as the variable takes it; without keys nothing is encrypted anew."""
    without = execute(["db", "reencrypt", "--database", url])
    made = execute(["db", "new-key", "2026-11"])
    said = capsys.readouterr()
    monkeypatch.setenv("TRUNKLINE_KEYS", said.out.strip())
    again = execute(["db", "reencrypt", "--database", url])

    assert (without, made, again) == (2, 0, 0)
    assert "none were given to encrypt with" in said.err
    assert "0 rows were encrypted anew with key '2026-11'" in capsys.readouterr().err
