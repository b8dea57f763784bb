"""`trunkline db` on the command line."""

import pytest

from trunkline.runtime.cli.app import execute
from trunkline.runtime.storage.migration import wanted_revision


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
