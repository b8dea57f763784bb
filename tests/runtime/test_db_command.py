"""`trunkline db` on the command line."""

import asyncio

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
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    await engine.dispose()


def test_a_database_of_another_version_ends_check_with_3(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The line names both revisions."""
    asyncio.run(change_revision(url))

    assert execute(["db", "check", "--database", url]) == 3
    assert f"is at revision 9999, this version needs {wanted_revision()}" in capsys.readouterr().err


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
