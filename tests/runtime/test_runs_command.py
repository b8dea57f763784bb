"""`trunkline runs`, on runs that a line made."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from sqlite3 import connect

import pytest

from trunkline import Agent, ScriptedModel, Trunkline, tool
from trunkline.agents import call
from trunkline.errors import RunFailedError
from trunkline.runtime.cli.app import execute

QUESTION = "where is my parcel, and what did it cost?"


@tool(effect="read", reads=())
async def get_order(order_id: str) -> str:
    """Read one order."""
    if order_id == "lost":
        raise ConnectionError("no answer")
    return order_id


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three runs: one with two calls of which one failed, one that failed, one on the thread `t-3`."""
    url = f"sqlite:///{tmp_path_factory.mktemp('runs')}/calls.db"
    asyncio.run(_fill(url))
    return url


async def _fill(url: str) -> None:
    calls = [call("get_order", order_id="1"), call("get_order", order_id="lost")]
    support = Agent("support", model=ScriptedModel([calls, "It is on its way."]), tools=[get_order])
    async with Trunkline(url) as line:
        await line.run(support, QUESTION, thread="t-1")
        with pytest.raises(RunFailedError):
            await line.run(Agent("mute", model=ScriptedModel([])), "hello?", thread="t-2")
        await line.run(Agent("greeter", model=ScriptedModel(["Good day."])), "good day", thread="t-3")


@pytest.fixture
def empty(tmp_path: Path) -> str:
    """A database in which nothing has run."""
    url = f"sqlite:///{tmp_path}/empty.db"

    async def create() -> None:
        async with Trunkline(url):
            pass

    asyncio.run(create())
    return url


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """Return the lines that `trunkline runs` writes to stdout, its first being the header."""
    assert execute(["runs", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def objects(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in listed(capsys, "--json", *arguments)]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def test_runs_are_listed_newest_first(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its thread, its graph, how it stands in a sign and a word, and what was asked."""
    header, *rows = listed(capsys, "--database", database)

    assert " ".join(header.split()) == "run status thread graph started seconds calls tokens cost asked"
    assert [row.split()[1:5] for row in rows] == [
        ["✓", "succeeded", "t-3", "greeter"],
        ["✗", "failed", "t-2", "mute"],
        ["✓", "succeeded", "t-1", "support"],
    ]
    assert rows[2].rstrip().endswith(QUESTION)


def test_calls_that_failed_are_marked(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Two calls were made, and one of them failed."""
    (row,) = listed(capsys, "--database", database, "--thread", "t-1")[1:]

    assert "2 1✗" in row


def test_a_cost_that_nobody_knows_is_not_zero(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A scripted model has tokens and no price; a run without an answer of a model has neither."""
    greeted, failed, _ = listed(capsys, "--database", database)[1:]

    assert "unpriced" in greeted
    assert "unpriced" not in failed


def test_json_is_one_object_a_line(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With full ids, times with their zone, and what each run took."""
    newest, failed, first = objects(capsys, "--database", database)

    assert (newest["thread_id"], newest["status"], newest["calls"]) == ("t-3", "succeeded", 0)
    assert str(failed["error"]).startswith("ScriptError: ")
    assert (first["calls"], first["failed_calls"], first["asked"]) == (2, 1, QUESTION)
    assert str(first["started_at"]).endswith("+00:00")
    assert isinstance(first["seconds"], float)


def test_the_shown_beginning_of_an_id_is_enough_to_trace_it(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is on the screen can be pasted into the next command."""
    for row in listed(capsys, "--database", database)[1:]:
        assert execute(["trace", row.split()[0], "--database", database]) == 0


def test_a_limit_keeps_the_newest(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The rest is left out."""
    assert [run["thread_id"] for run in objects(capsys, "--database", database, "--limit", "2")] == ["t-3", "t-2"]


@pytest.mark.parametrize("columns", ["80", "100", "160"])
def test_every_run_has_one_line_at_any_width(
    columns: str, database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit is cut or left out; how the run stands and what was asked always stay."""
    monkeypatch.setenv("COLUMNS", columns)
    header, *rows = listed(capsys, "--database", database)

    assert len(rows) == 3
    assert max(map(len, [header, *rows])) <= int(columns)
    assert "✓ succeeded" in rows[2]
    assert "where is my" in rows[2]


def test_an_empty_database_says_what_to_do(empty: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The words go to stderr, so that a program that reads stdout gets no words as data."""
    assert execute(["runs", "--json", "--database", empty]) == 0
    assert capsys.readouterr() == ("", f"no runs yet in {empty}; 'trunkline demo' makes some\n")


def test_a_thread_without_runs_is_named(empty: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It may be a typing error: the text says which thread was looked for."""
    assert execute(["runs", "--thread", "t-9", "--database", empty]) == 0
    assert capsys.readouterr().err == f"no runs on thread 't-9' in {empty}; leave --thread out to see all\n"


def test_a_database_that_does_not_exist_is_not_created(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Looking leaves no file behind."""
    url = f"sqlite:///{tmp_path}/none.db"

    assert execute(["runs", "--database", url]) == 3
    assert capsys.readouterr().err.startswith(f"no database {url} yet; ")
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_another_program_gets_no_tables(tmp_path: Path) -> None:
    """A wrong URL must not change somebody's file."""
    other = connect(tmp_path / "other.db")
    other.execute("CREATE TABLE orders (id INTEGER)")

    assert execute(["runs", "--database", f"sqlite:///{tmp_path}/other.db"]) == 3
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("orders",)]
    other.close()


def test_the_environment_names_the_database(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """TRUNKLINE_DATABASE stands in for --database."""
    monkeypatch.setenv("TRUNKLINE_DATABASE", database)

    assert len(objects(capsys)) == 3
