"""Databases that go away, come back, or keep a run waiting."""

import asyncio
import operator
import signal
import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from threading import Thread
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from sqlalchemy.exc import DBAPIError

from stand_ins.mortal_server import MortalServer, mortal_server
from trunkline import SQLAlchemySaver, Trunkline
from trunkline.errors import CommitUnknownError, SavesBehindError
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.checkpoints.backlog import AHEAD
from trunkline.runtime.storage.database import upgrade_database
from trunkline.runtime.storage.unreachable import is_unreachable

FIRST, FATAL, STEPS, MANY = 3, 5, 12, 3000
UNREACHABLE = (DBAPIError, CommitUnknownError)
THREAD: RunnableConfig = {"configurable": {"thread_id": "t"}, "recursion_limit": 2 * MANY}
DURABILITIES = pytest.mark.parametrize("durability", ["sync", "async", "exit"])


class Log(TypedDict):
    """The numbers of the steps that were made."""

    steps: Annotated[list[int], operator.add]


def stepping(saver: SQLAlchemySaver | None, steps: int, at: dict[int, Callable[[], Any]], made: list[int]) -> Any:
    """A graph that makes so many steps one after the other, and in some of them does something else first."""

    async def step(state: Log) -> Any:
        number = len(state["steps"])
        made.append(number)
        if todo := at.pop(number, None):
            await asyncio.to_thread(todo)
        return {"steps": [number]}

    def again(state: Log) -> str:
        return "step" if len(state["steps"]) < steps else END

    builder = StateGraph(Log)
    builder.add_node("step", step)
    builder.add_edge(START, "step")
    builder.add_conditional_edges("step", again, ["step", END])
    return builder.compile(checkpointer=saver)


class Count(TypedDict):
    """How many steps were made: a state that does not grow."""

    steps: int


def counting(saver: SQLAlchemySaver, steps: int, at: dict[int, Callable[[], Any]], made: list[int]) -> Any:
    """A graph that makes its steps like `stepping` and only counts them."""

    async def step(state: Count) -> Any:
        made.append(state["steps"])
        if todo := at.pop(state["steps"], None):
            await asyncio.to_thread(todo)
        return {"steps": state["steps"] + 1}

    def again(state: Count) -> str:
        return "step" if state["steps"] < steps else END

    builder = StateGraph(Count)
    builder.add_node("step", step)
    builder.add_edge(START, "step")
    builder.add_conditional_edges("step", again, ["step", END])
    return builder.compile(checkpointer=saver)


async def lineage(saver: SQLAlchemySaver) -> list[int]:
    """How many steps each checkpoint holds, from the latest along the parents to the first."""
    lengths, config = list[int](), THREAD
    while found := await saver.aget_tuple(config):
        lengths.append(len(found.checkpoint["channel_values"].get("steps", [])))
        if found.parent_config is None:
            break
        config = found.parent_config
    return lengths


@pytest.fixture(scope="module")
def server() -> Generator[MortalServer]:
    with mortal_server() as running:
        yield running


@pytest.fixture
async def saver(server: MortalServer, wait: float) -> AsyncGenerator[SQLAlchemySaver]:
    async with SQLAlchemySaver.from_conn_string(server.url, wait_for_database=wait) as opened:
        await opened.setup()
        await opened.adelete_thread("t")
        yield opened


@pytest.mark.parametrize("wait", [120.0])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGQUIT], ids=lambda how: how.name)
@DURABILITIES
async def test_a_run_that_may_wait_goes_on_when_the_database_is_back(
    server: MortalServer, saver: SQLAlchemySaver, how: signal.Signals, durability: Any
) -> None:
    """With every step made once and every checkpoint there."""
    made, back = list[int](), Thread(target=server.come_back)

    def fall() -> None:
        server.die(how)
        back.start()

    done = await stepping(saver, STEPS, {FATAL: fall}, made).ainvoke({"steps": []}, THREAD, durability=durability)
    back.join()

    assert (done["steps"], made) == (list(range(STEPS)), list(range(STEPS)))
    assert await lineage(saver) == ([STEPS] if durability == "exit" else [*range(STEPS, -1, -1), 0])


async def test_a_line_that_may_wait_finishes_its_run_when_the_database_is_back(server: MortalServer) -> None:
    """What it writes beside the checkpoints waits too: the run is done, and a step is on record once."""
    made, back = list[int](), Thread(target=server.come_back)

    def fall() -> None:
        server.die()
        back.start()

    await upgrade_database(server.url)
    async with Trunkline(server.url, wait_for_database=120.0) as line:
        reply = await line.run(stepping(None, STEPS, {FATAL: fall}, made), {"steps": []})
        back.join()
        report = await line.report()

    assert (reply.state["steps"], made) == (list(range(STEPS)), list(range(STEPS)))
    assert report.runs == {RunStatus.SUCCEEDED: 1}


@pytest.mark.parametrize("wait", [0.0])
@pytest.mark.parametrize("durability", ["sync", "async"])
async def test_a_run_that_may_not_wait_fails_and_is_resumed_with_nothing_lost(
    server: MortalServer, saver: SQLAlchemySaver, durability: Any
) -> None:
    """It fails within a few steps, not at its end; what was saved before is there, and no step counts twice."""
    made = list[int]()
    await stepping(saver, FIRST, {}, made).ainvoke({"steps": []}, THREAD, durability=durability)
    graph = stepping(saver, MANY, {FATAL: server.die}, made)
    with pytest.raises(UNREACHABLE) as failed:
        await graph.ainvoke({"steps": []}, THREAD, durability=durability)
    server.come_back()
    saved, stopped = len((await graph.aget_state(THREAD)).values["steps"]), len(made)
    done = await stepping(saver, stopped + 3, {}, made).ainvoke(None, THREAD)

    assert is_unreachable(failed.value)
    assert FIRST <= saved <= FATAL + 1 <= stopped < MANY
    assert done["steps"] == list(range(stopped + 3))
    assert made[stopped:] == list(range(saved, stopped + 3))


@pytest.mark.parametrize("wait", [0.0])
async def test_a_run_that_saves_at_its_end_fails_there(server: MortalServer, saver: SQLAlchemySaver) -> None:
    """With durability `exit` nothing is handed over before."""
    made = list[int]()
    graph = stepping(saver, STEPS, {FATAL: server.die}, made)
    with pytest.raises(UNREACHABLE) as failed:
        await graph.ainvoke({"steps": []}, THREAD, durability="exit")
    server.come_back()

    assert is_unreachable(failed.value)
    assert (len(made), await lineage(saver)) == (STEPS, [])


# --- a database that another connection keeps busy ---


class Lock:
    """A write lock on a SQLite file, as another process may hold it."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def take(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def let_go(self) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()


class Watched(SQLAlchemySaver):
    """A saver that calls back when it stops a run."""

    then: Callable[[], None]

    def get_next_version(self, current: Any, channel: None) -> str:
        try:
            return super().get_next_version(current, channel)
        except SavesBehindError:
            self.then()
            raise


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(("durability", "ahead"), [("sync", FATAL + 1), ("exit", STEPS)])
async def test_a_run_waits_for_a_busy_database_when_it_saves(
    url: str, tmp_path: Path, durability: Any, ahead: int
) -> None:
    """With durability `sync` before its next step, with `exit` at its end."""
    made, lock = list[int](), Lock(tmp_path / "line.db")
    async with SQLAlchemySaver.from_conn_string(url) as saver:
        graph = stepping(saver, STEPS, {FATAL: lock.take}, made)
        run = asyncio.create_task(graph.ainvoke({"steps": []}, THREAD, durability=durability))
        await asyncio.wait([run], timeout=1.0)
        assert (run.done(), len(made)) == (False, ahead)

        lock.let_go()
        assert (await run)["steps"] == list(range(STEPS))
        assert len(await lineage(saver)) == (1 if durability == "exit" else STEPS + 2)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_run_that_waits_for_nothing_is_stopped_when_it_is_far_ahead(url: str, tmp_path: Path) -> None:
    """And all that it handed over until then is saved."""
    made, lock = list[int](), Lock(tmp_path / "line.db")
    async with Watched.from_conn_string(url) as saver:
        saver.then = lock.let_go
        with pytest.raises(SavesBehindError):
            await counting(saver, MANY, {FATAL: lock.take}, made).ainvoke({"steps": 0}, THREAD, durability="async")

        assert AHEAD <= len(made) < MANY
        newest = await saver.aget_tuple(THREAD)
        assert newest
        assert newest.checkpoint["channel_values"]["steps"] >= len(made) - 1
