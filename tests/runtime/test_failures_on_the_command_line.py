"""How the command line ends when something goes wrong: which words, on which stream, with which exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from trunkline.errors import DatabaseUnreachableError, RunFailedError, SetupError, UsageError
from trunkline.runtime.cli.app import execute
from trunkline.runtime.cli.failures import exit_code_of, lines_of

COMMAND = [sys.executable, "-m", "trunkline"]
HEAVY = ("langgraph", "langchain", "sqlalchemy", "openai")

SLOW_AGENT = '''
import asyncio
from trunkline import Agent, ScriptedModel, tool
from trunkline.agents import call

@tool(effect="read", reads=())
async def look(seconds: float) -> str:
    """Look for so long."""
    await asyncio.sleep(seconds)
    return "seen"

agent = Agent("slow", model=ScriptedModel([[call("look", seconds=0), call("look", seconds=600)]]), tools=[look])
'''


def chained(error: Exception, *causes: Exception) -> Exception:
    """Return the error with the causes chained below it."""
    if causes:
        error.__cause__ = chained(*causes)
    return error


def test_each_cause_has_a_line_outermost_first() -> None:
    """Only what is not Trunkline's own is named by its class."""
    error = chained(SetupError("the store is closed"), UsageError("the key is wrong"), OSError("no such device"))

    assert lines_of(error) == ["the store is closed", "the key is wrong", "OSError: no such device"]


def test_a_cause_that_was_told_already_is_not_repeated() -> None:
    """A run's failure has its cause in its text; the chain below it adds nothing."""
    cause = ValueError("order 7 is closed")
    error = chained(RunFailedError(run="r-1", thread="t", cause=cause), cause)

    assert lines_of(error) == ["run r-1 on thread 't' failed: ValueError: order 7 is closed"]


def test_wrappers_around_a_cause_that_was_told_are_left_out() -> None:
    """A driver's error comes wrapped by SQLAlchemy, with advice for programmers."""
    driver = OSError("unable to open database file")
    wrapped = RuntimeError("(sqlite3.OperationalError) unable to open database file (Background: …)")
    error = chained(DatabaseUnreachableError(url="sqlite:///x.db", problem=str(driver)), wrapped, driver)

    assert lines_of(error) == ["database sqlite:///x.db cannot be opened: unable to open database file"]


def test_a_cause_without_a_text_is_told_by_its_name() -> None:
    """An empty line would help nobody, and neither would several lines of one cause."""
    error = chained(SetupError("no answer\nfrom the model"), TimeoutError())

    assert lines_of(error) == ["no answer from the model", "TimeoutError"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trace"], "trunkline trace: missing argument 'RUN'; see 'trunkline trace --help'\n"),
        (["trac", "last"], "trunkline: no such command 'trac'. Did you mean 'trace'?; see 'trunkline --help'\n"),
        (["runs", "--limit", "0"], "trunkline runs: invalid value for '--limit'"),
        (["runs", "--database", "mysql://shop"], "database URL 'mysql://shop' is for mysql"),
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says what was wrong and where to read more; nothing is written to stdout."""
    assert execute(arguments) == 2

    shown, said = capsys.readouterr()
    assert shown == ""
    assert said.startswith(words)
    assert said.count("\n") == 1


def test_no_command_shows_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, with the exit code of wrong usage: a script that forgot the command must notice."""
    assert execute([]) == 2

    shown, said = capsys.readouterr()
    assert shown == ""
    assert {"runs", "trace"} < set(said.split())


@pytest.mark.parametrize("arguments", [["-v", "runs"], ["runs", "-v"], ["runs", "--verbose"]])
def test_verbose_shows_the_traceback_wherever_it_stands(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines without a traceback stay the last ones."""
    url = f"sqlite:///{tmp_path}/none.db"

    assert execute([*arguments, "--database", url]) == 3
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1].startswith(f"no database {url} yet; ")


def test_a_fault_of_the_program_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """It says how to see more."""
    assert exit_code_of(ValueError("boom"), tracebacks=False) == 1
    assert capsys.readouterr().err == "internal error: ValueError: boom; run again with -v for the traceback\n"


def test_version_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """It is data."""
    assert execute(["--version"]) == 0
    assert capsys.readouterr().out.startswith("trunkline 0.")


def test_help_imports_nothing_heavy() -> None:
    """The commands are there at once: what is heavy is imported by the command that needs it."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *COMMAND[1:], "--help"], capture_output=True, text=True, check=True
    )

    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "typer" in imported
    assert [name for name in imported if name.startswith(HEAVY)] == []


def test_ctrl_c_is_one_line_and_130(tmp_path: Path) -> None:
    """Without a traceback, in the middle of a run."""
    (tmp_path / "slow.py").write_text(SLOW_AGENT)
    command = [*COMMAND, "run", "slow.py:agent", "look", "--database", f"sqlite:///{tmp_path}/x.db"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stderr
        assert "look: done" in process.stderr.readline()
        process.send_signal(signal.SIGINT)

        assert process.stderr.read() == "interrupted\n"
    assert process.returncode == 130


def test_a_reader_that_goes_away_is_no_fault() -> None:
    """`trunkline … | head` ends quietly."""
    read, write = os.pipe()
    os.close(read)

    done = subprocess.run([*COMMAND, "--version"], stdout=write, stderr=subprocess.PIPE, text=True, check=False)

    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")
