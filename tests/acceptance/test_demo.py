"""`trunkline demo` as people run it, in an empty folder: where a process of its own adds something, in one."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from stand_ins.openai_server import Call, OpenAIServer, Say
from stand_ins.terminal import Terminal

DEMO = [sys.executable, "-m", "trunkline", "demo"]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is there, and no key is set."""
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "TRUNKLINE_DATABASE", "TRUNKLINE_MODELS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def trunkline(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


def demo(*options: str) -> tuple[int, str, str]:
    """Run the demo in a process of its own; return its exit code, its stdout and its stderr."""
    ran = subprocess.run([*DEMO, *options], capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


def figures(ran: tuple[int, str, str]) -> dict[str, Any]:
    """Return the figures that the demo wrote."""
    code, said, problem = ran
    assert code == 0, problem
    return json.loads(said)


def test_the_day_is_served_and_each_refund_is_made_once() -> None:
    """Every contact ends in the CRM; answers got lost on the way, and no money moved twice."""
    day = figures(demo("--json", "--contacts", "18"))

    assert (day["contacts"], day["contacts_noted_in_crm"], day["contacts_failed"]) == (18, 18, 0)
    assert day["refunds"] > 0
    assert day["refunds_repeated"] >= day["refunds"]
    assert day["refunds_made_twice"] == 0
    assert day["approvals_waiting"] > 0
    assert day["batch_seconds"] < day["batch_seconds_one_by_one"]
    assert day["cost_usd"] > 0


def test_the_same_seed_gives_the_same_day(trunkline: Terminal) -> None:
    """Whatever the order in which things happened, the same was done, also twice on one database."""
    counted = ("contacts", "turns", "runs", "model_calls", "tool_calls", "refunds", "approvals_waiting")
    options = ("--json", "--contacts", "8", "--seed", "3")
    first, second = figures(demo(*options)), figures(trunkline("demo", *options))  # two processes: two orders of sets

    assert {name: first[name] for name in counted} == {name: second[name] for name in counted}


def test_ctrl_c_says_what_was_left_open_and_loses_nothing_that_was_finished() -> None:
    """No run is left running; the exit code is that of an interrupt."""
    process = subprocess.Popen([*DEMO, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    _wait_for_runs(Path("trunkline.db"), 25)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)

    assert process.returncode == 130
    assert json.loads(said)["interrupted"]
    assert json.loads(said)["runs_cancelled"] > 0
    assert _statuses(Path("trunkline.db")) <= {"succeeded", "cancelled"}


def test_a_real_model_is_taken_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key and a base URL the agents talk to that endpoint, tools and all; a price nobody knows is not zero."""

    def answer(request: dict[str, Any]) -> Say:
        asked = request["messages"][-1]
        if asked["role"] == "user" and "tools" in request:
            return Say(calls=[Call(name="search_kb", arguments={"query": "delivery"})])
        return Say(text="resolved")

    with OpenAIServer(answer, models=["a-model-of-ours"]) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "key")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        day = figures(demo("--json", "--contacts", "2", "--model", "a-model-of-ours"))

    assert day["contacts_noted_in_crm"] == 2
    assert day["cost_usd"] is None
    assert {request.authorization for request in server.requests} == {"Bearer key"}


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--model", "gpt-5-mini"], 3, "environment variable OPENAI_API_KEY is not set"),
        (["--model", "gpt-9"], 2, "which has: gpt-4.1-mini"),
        (["--database", "mysql://localhost/x"], 2, "which Trunkline does not run on"),
        (["--contacts", "0"], 2, "--contacts"),
    ],
)
def test_what_cannot_start_says_why_in_one_line(options: list[str], code: int, said: str, trunkline: Terminal) -> None:
    """The line names the thing and the fix; nothing was started."""
    ended, written, problem = trunkline("demo", *options)

    assert (ended, written) == (code, "")
    assert said in problem.splitlines()[-1]
    assert "Traceback" not in problem


def test_a_model_that_cannot_be_reached_ends_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would fail every contact alike, so the first failure is told, and no other."""
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    code, _, problem = demo("--model", "gpt-5-mini", "--contacts", "3")

    assert code == 1
    assert "cannot be reached" in problem
    assert "Traceback" not in problem


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_server_database_is_used_when_it_was_told_to_be_upgraded(empty_url: str, trunkline: Terminal) -> None:
    """The demo refuses a database without tables, and serves the day on it once it has them."""
    options = ("demo", "--json", "--contacts", "2", "--database", empty_url)
    code, _, problem = trunkline(*options)
    upgraded, *_ = trunkline("db", "upgrade", "--database", empty_url)

    assert (code, upgraded) == (3, 0)
    assert "trunkline db upgrade" in problem
    assert figures(trunkline(*options))["contacts_noted_in_crm"] == 2


def _wait_for_runs(database: Path, count: int) -> None:
    for _ in range(600):
        if database.exists() and len(_rows(database, "SELECT id FROM runs")) >= count:
            return
        time.sleep(0.05)
    pytest.fail(f"the demo made no {count} runs; environment: {sorted(os.environ)}")


def _statuses(database: Path) -> set[str]:
    return {status for (status,) in _rows(database, "SELECT status FROM runs")}


def _rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    except sqlite3.OperationalError:
        return []
    finally:
        connection.close()
