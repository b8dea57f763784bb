"""`trunkline trace`, on runs that a line made."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from trunkline import Agent, ScriptedModel, Trunkline, tool
from trunkline.agents import call
from trunkline.runtime.cli.app import execute
from trunkline.tools import ToolRejectedError, over


@tool(effect="read", reads=())
async def get_order(order_id: str) -> str:
    """Read one order."""
    return order_id


@tool(effect="write", key="refund:{order_id}", writes="order:{order_id}", approve=over(50))
async def refund_order(order_id: str, amount: float) -> str:
    """Pay money back."""
    if order_id == "paid":
        raise ToolRejectedError("nothing is left to pay back")
    return f"{amount}"


class Form(TypedDict):
    signed: str


def sign(state: Form) -> Form:
    return {"signed": interrupt(f"{state['signed']}?")}


TURN = [
    call("get_order", order_id="1"),
    call("refund_order", order_id="1", amount=20),
    call("refund_order", order_id="2", amount=70),
    call("refund_order", order_id="paid", amount=10),
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two runs: one that stopped at an interrupt, and after it one with a batch of four calls."""
    url = f"sqlite:///{tmp_path_factory.mktemp('trace')}/calls.db"
    asyncio.run(_fill(url))
    return url


async def _fill(url: str) -> None:
    form = StateGraph(Form)
    form.add_node("sign", sign)
    form.add_edge(START, "sign")
    form.add_edge("sign", END)
    agent = Agent("support", model=ScriptedModel([TURN, "Done."]), tools=[get_order, refund_order])
    async with Trunkline(url) as line:
        await line.run(form, {"signed": "no"}, thread="form")
        await line.run(agent, "pay it back", thread="t-1")


def traced(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """Return the lines that `trunkline trace` writes to stdout."""
    assert execute(["trace", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def ids(database: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the ids of the runs, newest first."""
    assert execute(["runs", "--json", "--database", database]) == 0
    return [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")


def test_last_is_the_newest_run(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The heading has its graph, how it stands, its whole id, and what was asked and answered."""
    lines = traced(capsys, "last", "--database", database)

    assert lines[0] == f"support  ✓ succeeded  {ids(database, capsys)[0]}"
    assert "asked          pay it back" in lines
    assert "answered       Done." in lines


def test_the_calls_of_a_turn_are_drawn_with_how_each_ended(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Done, waiting for a person, and refused, in one bracket."""
    lines = traced(capsys, "last", "--database", database)

    batch = [line for line in lines if line[:1] in {"┌", "│", "└"}]
    assert len(batch) == len(TURN)
    assert sum(line.endswith("waiting for approval, write") for line in batch) == 1
    assert sum("failed: nothing is left" in line for line in batch) == 1
    assert "errors         refund_order: nothing is left to pay back (rejected)" in lines
    assert any(line.strip().startswith("4 calls ") for line in lines)


def test_a_run_that_waits_says_where(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The step at which LangGraph was interrupted waits; it did not fail."""
    _, waiting = ids(database, capsys)

    lines = traced(capsys, waiting, "--database", database)

    assert lines[0] == f"LangGraph  … waiting  {waiting}"
    assert any(line.startswith("…   sign ") and line.endswith("waiting for an answer") for line in lines)


def test_json_is_one_span_a_line(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With everything that is on record of it, earliest first."""
    spans: list[dict[str, Any]] = [
        json.loads(line) for line in traced(capsys, "last", "--json", "--database", database)
    ]

    assert [span["kind"] for span in spans].count("tool") == len(TURN)
    assert spans[0]["name"] == "support"
    assert [span["started_at"] for span in spans] == sorted(span["started_at"] for span in spans)


def test_an_unknown_run_is_wrong_usage(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The text says where it was looked for, and how to find one."""
    assert execute(["trace", "r-none", "--database", database]) == 2
    assert capsys.readouterr() == ("", f"no run 'r-none' in {database}; 'trunkline runs' lists them\n")


def test_a_beginning_that_fits_several_runs_is_wrong_usage(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """None is picked for the user; the text names some that fit."""
    first, second = ids(database, capsys)

    assert execute(["trace", "r-", "--database", database]) == 2
    words = f"'r-' begins the id of several runs, {first} and {second} among them; write more of it\n"
    assert capsys.readouterr() == ("", words)


def test_a_run_that_has_only_begun_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its heading is there; stderr says why there is no drawing."""
    database = f"sqlite:///{tmp_path}/begun.db"

    async def trace_while_it_runs() -> None:
        async with Trunkline(database) as line:
            async for _ in line.stream(Agent("slow", model=ScriptedModel(["ok"], latency=60)), "hi"):
                assert await asyncio.to_thread(execute, ["trace", "last", "--database", database]) == 0
                break

    asyncio.run(trace_while_it_runs())
    shown, said = capsys.readouterr()
    assert shown.startswith("slow  ▸ running  r-")
    assert said == "nothing is on record of it yet; spans come with the next commit after they end\n"


def test_a_pipe_gets_plain_text(database: str) -> None:
    """No colour codes, and no line wider than what COLUMNS says."""
    command = [sys.executable, "-m", "trunkline", "trace", "last", "--database", database]
    env = {name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "TTY_COMPATIBLE"}}

    done = subprocess.run(command, capture_output=True, text=True, env={**env, "COLUMNS": "80"}, check=True)

    assert "\x1b" not in done.stdout
    assert "█ critical path" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert done.stderr == ""


def test_an_encoding_without_blocks_gets_plain_signs(database: str) -> None:
    """A terminal of another age shows a poorer drawing, and no error."""
    command = [sys.executable, "-m", "trunkline", "trace", "last", "--database", database]

    done = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "PYTHONIOENCODING": "ascii"})

    assert b"# critical path" in done.stdout
    assert b"+ succeeded" in done.stdout
