"""A run can be followed from any point, by anybody, whatever becomes of the bus."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from trunkline import Agent, ScriptedModel, Trunkline, tool
from trunkline.agents import call
from trunkline.errors import LeaseLostError, UnknownRunError
from trunkline.runtime.bus.memory import MemoryBus
from trunkline.runtime.events import MessageFinished, Recorded, RunStarted, StepFinished, TextStreamed
from trunkline.runtime.joining import join
from trunkline.runtime.queue.happenings import RunCancelled, RunSucceeded, RunWaiting
from trunkline.runtime.queue.lease import hold
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.payloads import Payloads
from trunkline.runtime.storage.queue.claiming import Claimed
from trunkline.runtime.storage.queue.finishing import HandedBack
from trunkline.runtime.storage.queue.presence import WorkerInfo

SPOKEN = [RunStarted, StepFinished, MessageFinished, RunSucceeded]


def asking() -> StateGraph[MessagesState, None, MessagesState, MessagesState]:
    def ask(state: MessagesState) -> dict[str, list[tuple[str, str]]]:
        return {"messages": [("ai", interrupt("sure?"))]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    return graph


@pytest.fixture
async def line(url: str) -> AsyncGenerator[Trunkline]:
    """A line with a graph that speaks, and one that asks."""
    desk = Agent("desk", model=ScriptedModel(["good day to you"] * 9))
    async with Trunkline(url, graphs={"desk": desk, "ask": asking()}) as opened:
        yield opened


async def told(events: AsyncGenerator[Recorded]) -> list[Recorded]:
    return [recorded async for recorded in events]


def kinds(events: list[Recorded]) -> list[type]:
    return [type(recorded.event) for recorded in events if recorded.recorded]


async def test_a_run_is_followed_from_its_beginning_to_its_end(line: Trunkline) -> None:
    """What is said comes while it is said, marked as not on record, and before its whole message."""
    run_id = await line.submit("desk", "hello")
    async with line.worker():
        events = await told(line.join(run_id))

    assert kinds(events) == SPOKEN
    pieces = [recorded for recorded in events if isinstance(recorded.event, TextStreamed)]
    assert {(piece.recorded, piece.at) for piece in pieces} <= {(False, None)}
    whole = next(each for each in events if isinstance(each.event, MessageFinished))
    assert all(events.index(piece) < events.index(whole) for piece in pieces)


async def test_text_is_heard_while_it_is_said(url: str) -> None:
    """Who has joined before it is said hears it all."""
    joined = asyncio.Event()

    @tool(effect="read", reads=())
    async def wait_for_listener() -> str:
        """Wait until somebody listens."""
        await joined.wait()
        return "somebody listens"

    model = ScriptedModel([call("wait_for_listener"), "good day to you"])
    desk = Agent("desk", model=model, tools=[wait_for_listener])
    texts: list[str] = []
    async with Trunkline(url, graphs={"desk": desk}) as line, line.worker():
        async for recorded in line.join(await line.submit("desk", "hello")):
            joined.set()
            if isinstance(recorded.event, TextStreamed):
                texts.append(recorded.event.text)

    assert "".join(texts) == "good day to you"


async def test_another_process_that_hears_nothing_still_sees_everything(line: Trunkline, database: Database) -> None:
    """All messages of the bus are lost: the log is looked at within a second."""
    deaf = replace(database, bus=MemoryBus())
    run_id = await line.submit("desk", "hello")
    following = asyncio.create_task(told(join(deaf, Payloads(deaf.saver.serde), run_id, after=0)))
    async with line.worker():
        events = await following

    assert kinds(events) == SPOKEN


async def test_a_run_that_waits_is_joined_again_when_it_is_answered(line: Trunkline) -> None:
    """A join ends where the run rests, and goes on behind what it has heard."""
    run_id = await line.submit("ask", "hello")
    async with line.worker():
        asked = await told(line.join(run_id))
        await line.answer(run_id, "yes")
        answered = await told(line.join(run_id, after=asked[-1].seq))

    assert kinds(asked) == [RunStarted, RunWaiting]
    assert kinds(answered) == SPOKEN
    assert await told(line.join(run_id)) == asked + [each for each in answered if each.recorded]


async def test_runs_of_this_process_are_on_record_too(line: Trunkline) -> None:
    """A thread has one history, whoever runs on it; numbers go on from run to run."""
    await line.run(asking(), "hello", thread="t")
    async with line.worker():
        await line.wait(await line.submit("desk", "hello", thread="t"))
    history = await told(line.history("t"))

    assert kinds(history) == [RunStarted, RunWaiting, *SPOKEN]
    assert [recorded.seq for recorded in history] == [1, 2, 3, 4, 5, 6]
    assert await told(line.history("t", after=4)) == history[4:]


async def test_a_run_that_nobody_knows_cannot_be_joined(line: Trunkline) -> None:
    """It says so at once."""
    with pytest.raises(UnknownRunError):
        await told(line.join("r-none"))


async def claimed(line: Trunkline, database: Database, worker_id: str = "w") -> Claimed:
    await line.submit("desk", "hello", thread="t")
    info = WorkerInfo(id=worker_id, host="h", pid=1, version="1", queues=("default",), slots=1)
    await database.queue.arrive(info, lease=30)
    [one] = await database.queue.claim(worker_id, ["default"], limit=1)
    return one


async def test_what_a_zombie_records_is_refused(line: Trunkline, database: Database) -> None:
    """Who has lost the lease writes nothing to the log, whether it knows or has let go of the run already."""
    payloads, late = Payloads(database.saver.serde), StepFinished(node="late")
    zombie = await claimed(line, database)
    await line.kill(zombie.run.id)
    unguarded = database.events.append(zombie.lease, late, payloads)

    async def record() -> None:
        hold(zombie.lease)
        posted = database.events.append(zombie.lease, late, payloads)
        await asyncio.gather(posted, database.flush(), return_exceptions=True)
        await posted

    with pytest.raises(LeaseLostError):
        await asyncio.create_task(record())
    await unguarded

    cancelled = RunCancelled(why="killed")
    assert [each.event for each in await told(line.join(zombie.run.id))] == [zombie.started, cancelled]


async def test_numbers_go_on_when_a_lease_was_taken_away(line: Trunkline, database: Database) -> None:
    """What the dead one had recorded stays, and its numbers are not given again."""
    dead = await claimed(line, database)
    database.events.append(dead.lease, StepFinished(node="first"), Payloads(database.saver.serde))
    await database.flush()
    await database.queue.reap(known_dead=["w"], expired=False)
    [next_one] = await _claim_again(database)
    await database.queue.finish(next_one.lease, HandedBack())

    assert [each.seq for each in await told(line.history("t"))] == [1, 2, 3, 4, 5]


async def _claim_again(database: Database) -> list[Claimed]:
    info = WorkerInfo(id="w2", host="h", pid=1, version="1", queues=("default",), slots=1)
    await database.queue.arrive(info, lease=30)
    return await database.queue.claim("w2", ["default"], limit=1)


async def test_a_run_cancelled_beside_another_one_tells_its_end(line: Trunkline, database: Database) -> None:
    """The thread's numbers are another run's: the end is told from the run's row."""
    await claimed(line, database)
    second = await line.submit("desk", "hello again", thread="t")
    await line.cancel(second)

    [end] = await told(line.join(second))
    assert (end.event, end.recorded) == (RunCancelled(), False)
