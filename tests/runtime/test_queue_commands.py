"""`trunkline submit`, `workers`, `queue` and what people do about runs, from the command line."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from trunkline import Trunkline
from trunkline.agents import Models
from trunkline.runtime.cli.app import execute
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.run_rows import Run

Result = TypeVar("Result")
GRAPHS = {"asking": "stand_ins.asking:asking", "broken": "stand_ins.asking:broken"}

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def there(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands' database."""
    monkeypatch.setenv("TRUNKLINE_DATABASE", url)
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def says(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """Runs a command that succeeds, and returns the lines of its stdout."""

    def run(*arguments: str) -> list[str]:
        assert execute(arguments) == 0
        return capsys.readouterr().out.splitlines()

    return run


def on(url: str, work: Callable[[Trunkline], Awaitable[Result]]) -> Result:
    """Do something on a line of its own."""

    async def opened() -> Result:
        async with Trunkline(url, models=Models({}), graphs=GRAPHS) as line:
            return await work(line)

    return asyncio.run(opened())


def served(url: str, run_id: str) -> Run:
    """Let a worker serve the queue until the run rests."""

    async def work(line: Trunkline) -> Run:
        async with line.worker():
            return await line.wait(run_id, within=30)

    return on(url, work)


def test_a_submitted_run_is_asked_and_answered(url: str, says: Callable[..., list[str]]) -> None:
    """What it waits for is shown, the answer goes on from there; its id is all that `submit` writes to stdout."""
    (run_id,) = says("submit", "asking", "hello")
    waiting = served(url, run_id)
    (shown,) = map(json.loads, says("runs", "show", run_id[:6], "--json"))

    assert (waiting.status, shown["waits_for"]) == (RunStatus.WAITING, ["sure?"])
    assert says("runs", "answer", run_id, '{"yes": true}') == [f"{run_id} is queued"]
    assert served(url, run_id).answer == "you said {'yes': True}"


def test_a_failed_run_is_tried_again(url: str, says: Callable[..., list[str]]) -> None:
    """Its attempts begin anew. One that has succeeded or waits cannot be: the exit code is that of a wrong usage."""
    failed = on(url, lambda line: line.submit("broken", "x", max_attempts=1))
    served(url, failed)
    waiting = on(url, lambda line: line.submit("asking", "x"))
    served(url, waiting)

    assert says("runs", "retry", failed) == [f"{failed} is queued"]
    assert (again := on(url, lambda line: line.found(failed))).status is RunStatus.QUEUED
    assert (again.attempt, again.ended_at) == (0, None)
    assert execute(["runs", "retry", waiting]) == 2


def test_a_queued_run_is_cancelled(url: str, says: Callable[..., list[str]]) -> None:
    """At once. So is one that is killed before it began."""
    first, second = (on(url, lambda line: line.submit("asking", "x")) for _ in range(2))

    assert says("runs", "cancel", first) == [f"{first} is cancelled"]
    assert says("runs", "cancel", second, "--kill") == [f"{second} is cancelled"]
    assert [json.loads(line)["id"] for line in says("runs", "list", "--status", "cancelled", "--json")] == [
        second,
        first,
    ]


def test_the_queue_tells_what_waits(says: Callable[..., list[str]]) -> None:
    """By queue and tenant: what is ready, what is put off, how fast it comes; a table, or objects."""
    says("submit", "asking", "x")
    says("submit", "asking", "x", "--tenant", "shop", "--queue", "calls", "--delay", "60")
    calls, default = map(json.loads, says("queue", "--json"))

    assert (default["queue"], default["tenant"], default["ready"], default["delayed"]) == ("default", "", 1, 0)
    assert (calls["queue"], calls["tenant"], calls["ready"], calls["delayed"]) == ("calls", "shop", 0, 1)
    assert (default["drained_in"], calls["drained_in"], calls["oldest"]) == (None, 0.0, None)
    header = "queue tenant ready delayed waiting running oldest in/s out/s drained in"
    assert " ".join(says("queue")[0].split()) == header


def test_the_workers_are_listed(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Their place, what they serve, and how long their lease lasts."""

    async def work(line: Trunkline) -> int:
        async with line.worker(queues=["calls", "mail"], concurrency=3):
            return await asyncio.to_thread(execute, ["workers", "--json"])

    assert on(url, work) == 0
    worker = json.loads(capsys.readouterr().out)
    assert (worker["state"], worker["queues"], worker["slots"], worker["running"]) == ("alive", ["calls", "mail"], 3, 0)
    assert 20 < worker["lease_left"] <= 30


def test_options_come_after_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Before it they would say nothing, so they are refused."""
    assert execute(["runs", "--limit", "3", "dead"]) == 2

    assert "options come after the command, got --limit before it" in capsys.readouterr().err
