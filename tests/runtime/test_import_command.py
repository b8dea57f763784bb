"""`trunkline db import` on the command line."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from stand_ins.checkpoints import at, put
from trunkline.runtime.cli.app import execute


@dataclass
class Order:
    """A type of somebody's own."""

    number: int


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Two threads of LangGraph's own saver, one of which holds an order."""

    async def fill() -> None:
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "theirs.sqlite")) as saver:
            first = await put(saver, at("t"), {"a": 1})
            await saver.aput_writes(first, [("a", 2)], "task")
            await put(saver, at("u"), {"order": Order(number=7)})

    asyncio.run(fill())
    return f"sqlite:///{tmp_path / 'theirs.sqlite'}"


def imported(source: str, url: str, *more: str) -> int:
    return execute(["db", "import", source, "--database", url, *more])


def test_what_cannot_come_is_told_and_the_rest_comes(source: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With 1; when the type is allowed, the other comes too, and then there is nothing left."""
    allow = ["--allow", f"{__name__}:Order"]
    codes = [imported(source, url), imported(source, url, *allow), imported(source, url, *allow)]
    said = capsys.readouterr()

    assert codes == [1, 0, 0]
    assert said.out == ""
    refusal, first, second, third = said.err.splitlines()
    assert f"thread 'u' holds a {__name__}.Order" in refusal
    assert first == "brought over 1 thread, 1 checkpoint, 1 write; 0 were here already, 1 refused"
    assert second == "brought over 1 thread, 1 checkpoint, 0 writes; 1 were here already, 0 refused"
    assert third == "brought over 0 threads, 0 checkpoints, 0 writes; 2 were here already, 0 refused"


def test_a_dry_run_says_what_it_would_do(source: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And does nothing."""
    assert imported(source, url, "--dry-run", "--thread", "t") == 0
    assert capsys.readouterr().err.startswith("would bring over 1 thread, 1 checkpoint, 1 write;")
    assert execute(["threads", "list", "--database", url]) == 0
    assert "no threads" in capsys.readouterr().err


def test_a_thread_that_is_not_there_is_named(source: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It may be a slip."""
    assert imported(source, url, "--thread", "x") == 1
    assert "no thread 'x' in the source" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        ("sqlite:///none/there.sqlite", 3, "there is no such file"),
        ("theirs.sqlite", 2, "is not a URL"),
    ],
)
def test_a_source_that_is_not_there_is_told(
    url: str, wrong: str, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line."""
    assert imported(wrong, url) == code
    assert said in capsys.readouterr().err


def test_a_type_is_named_with_its_module(source: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Anything else is wrong usage."""
    assert imported(source, url, "--allow", "Order") == 2
    assert "write package.module:Type" in capsys.readouterr().err


def test_their_file_stays_as_it_was(source: str, url: str, tmp_path: Path) -> None:
    """To the byte."""
    before: Any = (tmp_path / "theirs.sqlite").read_bytes()
    imported(source, url)

    assert (tmp_path / "theirs.sqlite").read_bytes() == before
