"""Any number of runs can be waited for in one process, at the cost of one."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from langgraph.graph import START, MessagesState, StateGraph
from sqlalchemy import Engine, event

from stand_ins.unreliable_bus import UnreliableBus
from trunkline import Trunkline
from trunkline.errors import NotOpenError, UnknownRunError
from trunkline.runtime.bus.memory import MemoryBus
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.run_watch import RunWatch
from trunkline.runtime.storage.database import open_database

LATER = 3600.0


def nothing() -> StateGraph[MessagesState, None, MessagesState, MessagesState]:
    def do_nothing(state: MessagesState) -> None:
        del state

    graph = StateGraph(MessagesState)
    graph.add_node("nothing", do_nothing)
    graph.add_edge(START, "nothing")
    return graph


@pytest.fixture
async def line(url: str) -> AsyncGenerator[Trunkline]:
    async with Trunkline(url, graphs={"nothing": nothing()}) as opened:
        yield opened


@contextmanager
def looks_at_runs() -> Generator[list[str]]:
    """The statements of the block that read runs."""
    seen: list[str] = []

    def listener(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT") and "FROM runs" in statement:
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", listener)
    yield seen
    event.remove(Engine, "before_cursor_execute", listener)


async def test_waits_that_begin_together_ask_once(line: Trunkline) -> None:
    """Forty waits for runs that rest are answered by one statement."""
    run_ids = [await line.submit("nothing", "hello", delay=LATER) for _ in range(40)]
    for run_id in run_ids:
        await line.cancel(run_id)

    with looks_at_runs() as looks:
        runs = await asyncio.gather(*(line.wait(run_id) for run_id in run_ids))

    assert [run.id for run in runs] == run_ids
    assert len(looks) == 1


async def test_each_wait_ends_with_its_own_run(line: Trunkline) -> None:
    """Two wait for one run and one for another: the cancelled one is told to both, the other is still waited for."""
    first, second = [await line.submit("nothing", "hello", delay=LATER) for _ in range(2)]
    waits = [asyncio.create_task(line.wait(run_id)) for run_id in (first, first, second)]

    await line.cancel(first)
    told = [await waits[0], await waits[1]]

    assert [run.status for run in told] == [RunStatus.CANCELLED] * 2
    assert not waits[2].done()
    await line.cancel(second)
    assert (await waits[2]).id == second


async def test_a_run_that_is_on_no_record_is_not_waited_for(line: Trunkline) -> None:
    """The one that nobody has submitted is an error, beside one that is waited for."""
    run_id = await line.submit("nothing", "hello", delay=LATER)
    waits = asyncio.gather(line.wait("r-none"), line.wait(run_id), return_exceptions=True)
    await line.cancel(run_id)
    unknown, cancelled = await waits

    assert isinstance(unknown, UnknownRunError)
    assert not isinstance(cancelled, BaseException)


async def test_a_wait_that_is_given_up_leaves_nothing_behind(line: Trunkline) -> None:
    """After `within` seconds it raises; the next wait for the same run is answered."""
    run_id = await line.submit("nothing", "hello", delay=LATER)
    with pytest.raises(TimeoutError):
        await line.wait(run_id, within=0.01)
    await line.cancel(run_id)

    assert (await line.wait(run_id)).status is RunStatus.CANCELLED


async def test_a_wait_needs_no_bus(line: Trunkline, url: str) -> None:
    """All that is told is lost, and the record is looked at all the same."""
    run_id = await line.submit("nothing", "hello", delay=LATER)
    async with open_database(url) as database:
        watch = RunWatch(replace(database, bus=UnreliableBus(MemoryBus(), seed=1, lost=1)))
        waiting = asyncio.create_task(watch.until_rests(run_id))
        await asyncio.sleep(0)
        await line.cancel(run_id)
        run = await waiting
        await watch.aclose()

    assert run.status is RunStatus.CANCELLED


async def test_who_waits_when_the_line_closes_is_told(url: str) -> None:
    """A wait never hangs on a line that is closed."""
    async with Trunkline(url, graphs={"nothing": nothing()}) as line:
        run_id = await line.submit("nothing", "hello", delay=LATER)
        waiting = asyncio.create_task(line.wait(run_id))
        await asyncio.sleep(0)

    with pytest.raises(NotOpenError):
        await waiting
