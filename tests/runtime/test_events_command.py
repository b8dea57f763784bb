"""`trunkline events`, on runs that a line made."""

import asyncio
import json

import pytest
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph

from trunkline import Trunkline
from trunkline.runtime.cli.app import execute

WORDS = ["run started", "custom emitted", "step finished", "message finished", "run succeeded"]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One run, of a node that emits something and speaks."""
    url = f"sqlite:///{tmp_path_factory.mktemp('events')}/events.db"
    asyncio.run(_fill(url))
    return url


async def _fill(url: str) -> None:
    def speak(state: MessagesState) -> dict[str, list[tuple[str, str]]]:
        get_stream_writer()({"halfway": 1})
        return {"messages": [("ai", "good\nday")]}

    graph = StateGraph(MessagesState).add_node(speak).add_edge(START, "speak")
    async with Trunkline(url) as line:
        await line.run(graph, "hello")


def test_a_run_is_told_an_event_a_line(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its number, its time and its words in one line."""
    assert execute(["events", "last", "--database", database]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line[21:39].strip() for line in lines] == WORDS
    assert [int(line.split()[0]) for line in lines] == [1, 2, 3, 4, 5]
    assert lines[3].endswith("good day")


@pytest.mark.parametrize("follow", [[], ["--follow"]])
def test_programs_read_an_object_a_line(database: str, follow: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """From any number on; a run that is over is followed to its end."""
    assert execute(["events", "last", "--json", "--after", "1", *follow, "--database", database]) == 0

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["kind"].replace("_", " ") for event in events] == WORDS[1:]
    assert (events[0]["seq"], events[0]["data"]) == (2, {"halfway": 1})


def test_a_run_that_nobody_knows_is_an_error(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named."""
    assert execute(["events", "r-none", "--database", database]) != 0
    assert "r-none" in capsys.readouterr().err
