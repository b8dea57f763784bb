"""`trunkline threads`, on threads that a line made."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stand_ins.checkpoints import at, put
from stand_ins.runs import begun
from trunkline import Agent, ScriptedModel, SQLAlchemySaver, Trunkline, tool
from trunkline.agents import Models, call
from trunkline.runtime.cli.app import execute
from trunkline.runtime.storage.database import open_database


@tool(effect="write", key="note:{text}")
async def note(text: str) -> str:
    """Note a text."""
    return f"noted {text}"


@pytest.fixture
def database(url: str) -> str:
    """Two threads of the graph `shop`, one of `desk`."""
    asyncio.run(_fill(url))
    return url


async def _fill(url: str) -> None:
    async with Trunkline(url, models=Models({})) as line:
        for thread, name in (("t-1", "shop"), ("t-2", "desk"), ("t-3", "shop")):
            calls = [call("note", text=f"a note on {thread}")]
            agent = Agent(name, model=ScriptedModel([calls, f"noted on {thread}", "bye"]), tools=[note])
            await line.run(agent, "note this", thread=thread)
            await line.run(agent, "bye", thread=thread)


def run(*arguments: str) -> int:
    return execute(["threads", *arguments])


def objects(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert run(*arguments) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


async def mark_running(url: str) -> None:
    async with open_database(url) as opened:
        await begun(opened, "t-1")


# --- list ---


def test_threads_are_listed_the_newest_first(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With what there is of each."""
    assert run("list", "--database", database) == 0
    header, *rows = capsys.readouterr().out.splitlines()

    assert " ".join(header.split()) == "last used graph runs checkpoints now thread"
    assert [row.split()[1:] for row in rows] == [
        ["shop", "2", "8", "-", "t-3"],
        ["desk", "2", "8", "-", "t-2"],
        ["shop", "2", "8", "-", "t-1"],
    ]


def test_threads_of_one_graph_are_listed_as_json(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line."""
    (thread,) = objects(capsys, "list", "--graph", "desk", "--json", "--database", database)

    assert (thread["name"], thread["graph"], thread["checkpoints"], thread["erased"]) == ("t-2", "desk", 8, False)
    assert set(thread) == {"name", "graph", "runs", "checkpoints", "active_at", "under_way", "waiting", "erased"}


@pytest.mark.parametrize(("more", "said"), [((), "no threads in"), (("--graph", "x"), "no threads of graph 'x'")])
def test_no_threads_are_said_to_be_none(
    url: str, more: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words, not as data."""
    assert run("list", *more, "--database", url) == 0
    written = capsys.readouterr()
    assert (written.out, said in written.err) == ("", True)


# --- prune ---


def test_pruning_takes_old_checkpoints_away(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the graph that is named; the names go to stdout, the words to stderr."""
    assert run("prune", "--graph", "shop", "--keep-last", "2", "--database", database) == 0
    written = capsys.readouterr()

    assert written.out == "prune t-1\nprune t-3\n"
    assert written.err == "took something away from 2 threads\n"
    left = objects(capsys, "list", "--json", "--database", database)
    assert {each["name"]: each["checkpoints"] for each in left} == {"t-1": 2, "t-2": 8, "t-3": 2}


def test_a_dry_run_takes_nothing_away(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And says what it would."""
    due = objects(capsys, "prune", "--keep-last", "2", "--dry-run", "--json", "--database", database)

    assert due == [{"thread": f"t-{number}", "what": "prune", "checkpoints": 8} for number in (1, 2, 3)]
    left = objects(capsys, "list", "--json", "--database", database)
    assert [each["checkpoints"] for each in left] == [8, 8, 8]


def test_threads_that_are_used_are_not_old(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody is asked when the answer is given."""
    assert run("prune", "--older-than", "30d", "--yes", "--database", database) == 0
    assert capsys.readouterr().err == "took something away from 0 threads\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say what is old"),
        (["--older-than", "a month"], "is no duration"),
        (["--older-than", "30d"], "say so with --yes"),
    ],
)
def test_a_prune_that_is_not_clear_is_refused(
    url: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With 2, before anything is opened."""
    assert run("prune", *arguments, "--database", url) == 2
    assert said in capsys.readouterr().err.lower()


# --- delete ---


def test_a_deleted_thread_is_gone(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What was said on it, and its checkpoints; the list tells that it was there."""
    assert run("delete", "t-1", "t-2", "--yes", "--database", database) == 0
    written = capsys.readouterr()

    assert written.out == "t-1\nt-2\n"
    assert "deleted 2 threads" in written.err
    left = objects(capsys, "list", "--json", "--database", database)
    assert {each["name"]: (each["checkpoints"], each["erased"]) for each in left} == {
        "t-1": (0, True),
        "t-2": (0, True),
        "t-3": (8, False),
    }


def test_a_name_that_nobody_has_deletes_nothing(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even those that are right."""
    assert run("delete", "t-1", "t-9", "--yes", "--database", database) == 2
    assert "no thread 't-9'" in capsys.readouterr().err
    assert objects(capsys, "export", "t-1", "--database", database)[-1]["kind"] == "state"


def test_nobody_at_the_terminal_must_say_yes_before(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The text says how."""
    assert run("delete", "t-1", "--database", database) == 2
    assert "--yes" in capsys.readouterr().err


def test_a_thread_under_way_is_deleted_by_force_only(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The first try names the run."""
    asyncio.run(mark_running(database))
    assert run("delete", "t-1", "--yes", "--database", database) == 1
    assert "is under way; wait for its end, or cut it off with --force" in capsys.readouterr().err

    assert run("delete", "t-1", "--yes", "--force", "--database", database) == 0


# --- export ---


def test_a_person_gets_all_that_is_kept_of_them(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs, calls with arguments and outputs, messages, checkpoints, the state; of one thread, and of no other."""
    file = tmp_path / "t-1.jsonl"
    assert run("export", "t-1", "--output", str(file), "--database", database) == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    by_kind = {kind: [line for line in lines if line["kind"] == kind] for kind in {line["kind"] for line in lines}}

    assert capsys.readouterr().out == ""
    assert [run["asked"] for run in by_kind["run"]] == ["note this", "bye"]
    assert [(each["arguments"], each["output"]) for each in by_kind["call"]] == [
        ({"text": "a note on t-1"}, "noted a note on t-1")
    ]
    said = [message["content"] for message in by_kind["message"]]
    assert said == ["note this", "", "noted a note on t-1", "noted on t-1", "bye", "bye"]
    assert len(by_kind["checkpoint"]) == 8
    assert [message["content"] for message in by_kind["state"][0]["values"]["messages"]] == said
    assert "t-2" not in file.read_text()


@dataclass
class Order:
    """A type of somebody's own."""

    number: int


def test_types_of_a_graphs_own_are_exported_by_their_fields(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without importing them: whoever exports need not have the program."""

    async def fill() -> None:
        async with SQLAlchemySaver.from_conn_string(url, allowed_types=[Order]) as saver:
            await put(saver, at("theirs"), {"order": Order(number=7)})

    asyncio.run(fill())
    *_, state = objects(capsys, "export", "theirs", "--database", url)
    assert state == {"kind": "state", "namespace": "", "values": {"order": {"number": 7}}}


def test_an_unknown_thread_leaves_no_file(database: str, tmp_path: Path) -> None:
    """It may be a slip."""
    assert run("export", "t-9", "--output", str(tmp_path / "out"), "--database", database) == 2
    assert not (tmp_path / "out").exists()
