"""What erasing a thread leaves: nothing of the person, and what the books need."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

import psycopg
import pytest
from langgraph.graph import START, StateGraph
from sqlalchemy import insert

from stand_ins.runs import begun, queued
from trunkline import Agent, ScriptedModel, Trunkline, tool
from trunkline.agents import Models, call
from trunkline.errors import LeaseLostError, RunFailedError, ThreadInUseError
from trunkline.runtime.export import exported
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.database import Database, open_database
from trunkline.runtime.storage.payloads import Payloads
from trunkline.runtime.storage.queue.finishing import Ended, Interrupted
from trunkline.runtime.storage.queue_tables import ScheduleRow
from trunkline.tools.call import CallState

PERSON = "Zebulon"
"""A name that no code has."""

LONG = f"{'-' * 9000} {PERSON}"
"""What does not fit into one page of a file."""

PAID: list[str] = []


@tool(effect="write", key="pay:{order}")
async def pay(order: str, to: str) -> str:
    """Pay an order back."""
    PAID.append(order)
    return f"paid to {to}"


@tool(effect="write", key="gift:{order}", approve=True)
async def gift(order: str, to: str) -> str:
    """Send a gift."""
    return f"sent to {to}"


@tool(effect="read", reads=())
async def look(name: str) -> str:
    """Find a customer."""
    raise ConnectionError(f"no {name} there")


CALLS = [
    call("pay", order="o-1", to=LONG),
    call("gift", order="o-2", to=PERSON),
    call("gift", order="o-3", to=PERSON),
    call("look", name=PERSON),
]
ANSWERS = [CALLS, f"Thank you, {PERSON}.", f"Good bye, {PERSON}."]


async def converse(url: str, thread: str) -> None:
    """A person says who they are, and so does all that follows."""
    agent = Agent("shop", model=ScriptedModel(ANSWERS), tools=[pay, gift, look])
    async with Trunkline(url, models=Models({})) as line:
        await line.run(agent, f"I am {PERSON}", thread=thread)
        rejected, _ = await line.approvals()
        await line.reject(rejected.call_id, by="dana", reason=f"not for {PERSON}", note=f"{PERSON} has had enough")
        await line.run(agent, f"well, says {PERSON}", thread=thread)


def kept_bytes(url: str) -> bytes:
    """All that a database keeps: a file with its log, or each row of each table."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        return b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))
    return b"\n".join(rows(url))


def rows(url: str) -> Iterator[bytes]:
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'.encode()):
                yield b" ".join(each if isinstance(each, bytes) else str(each).encode() for each in row)


async def erase(url: str, thread: str) -> None:
    async with open_database(url) as database:
        assert await database.threads.erase(thread)
        assert await database.threads.scrub()


async def test_no_byte_of_the_person_stays(url: str) -> None:
    """Neither in the rows, nor in the pages that a file no longer uses, nor in its log."""
    async with open_database(url) as other:  # so that the log is not tidied up by its last user
        await converse(url, "t")
        assert kept_bytes(url).count(PERSON.encode()) > 10
        await erase(url, "t")

        assert PERSON.encode() not in kept_bytes(url)
        assert await other.saver.aget_tuple({"configurable": {"thread_id": "t"}}) is None


async def test_the_books_and_the_effects_stay(url: str) -> None:
    """What was spent, how runs and calls ended, who decided; open requests are withdrawn."""
    await converse(url, "t")
    async with open_database(url) as before:
        spent = [(each.run.status, each.tokens, each.calls) for each in await before.runs.latest(limit=9)]
    await erase(url, "t")

    async with open_database(url) as database:
        assert [(each.run.status, each.tokens, each.calls) for each in await database.runs.latest(limit=9)] == spent
        calls = {(each.tool, each.state, each.key) for each in await database.book.calls()}
        assert calls == {
            ("pay", CallState.DONE, "pay:o-1"),
            ("gift", CallState.REJECTED, None),
            ("gift", CallState.WITHDRAWN, None),
            ("look", CallState.FAILED, None),
        }


async def test_an_effect_of_an_erased_thread_does_not_happen_again(url: str) -> None:
    """Its key is still taken: who asks again gets the answer that it is done, without what it gave."""
    await converse(url, "t")
    await erase(url, "t")
    PAID.clear()
    async with Trunkline(url, models=Models({})) as line:
        agent = Agent("shop", model=ScriptedModel([CALLS[:1], "done"]), tools=[pay])
        reply = await line.run(agent, "pay me", thread="another")

    assert PAID == []
    assert reply.text == "done"


async def test_a_neighbour_keeps_everything(url: str) -> None:
    """Only the thread that is named goes."""
    await converse(url, "t")
    agent = Agent("shop", model=ScriptedModel(["hello"]))
    async with Trunkline(url, models=Models({})) as line:
        await line.run(agent, "I stay", thread="u")
    await erase(url, "t")

    async with open_database(url) as database:
        (kept,) = await database.runs.latest(limit=9, thread="u")
        assert (kept.run.asked, kept.run.answer) == ("I stay", "hello")
        assert await database.spans.of_run(kept.run.id)
        assert await database.saver.aget_tuple({"configurable": {"thread_id": "u"}})


# --- while a run is under way ---


class State(TypedDict):
    said: str


class Held:
    """A graph that waits in its only step until it is let go."""

    def __init__(self) -> None:
        self.began, self.go = asyncio.Event(), asyncio.Event()
        builder = StateGraph(State)
        builder.add_node("wait", self.wait)
        builder.add_edge(START, "wait")
        self.graph = builder

    async def wait(self, state: State) -> Any:
        self.began.set()
        await self.go.wait()
        return {"said": f"{state['said']}, heard"}


async def test_a_thread_is_not_deleted_under_a_run(line: Trunkline, database: Database) -> None:
    """The error names the run, and the run ends as if nobody had tried."""
    held = Held()
    running = asyncio.create_task(line.run(held.graph, {"said": PERSON}, thread="t"))
    await held.began.wait()

    with pytest.raises(ThreadInUseError, match=r"run r-\w+ is under way"):
        await database.threads.erase("t")
    held.go.set()
    assert (await running).state == {"said": f"{PERSON}, heard"}


async def test_what_is_cut_off_by_force_cannot_bring_the_thread_back(line: Trunkline, database: Database) -> None:
    """Its late checkpoint is refused, and the run fails."""
    held = Held()
    running = asyncio.create_task(line.run(held.graph, {"said": PERSON}, thread="t"))
    await held.began.wait()
    assert await database.threads.erase("t", force=True)
    (cut,) = await database.runs.latest(limit=1)
    held.go.set()

    with pytest.raises(RunFailedError, match="no longer has the lease"):
        await running
    assert cut.run.status is RunStatus.CANCELLED
    assert await database.saver.aget_tuple({"configurable": {"thread_id": "t"}}) is None


async def test_nothing_more_of_a_run_that_is_cut_off_is_written(database: Database) -> None:
    """It has lost its lease, whatever it still has to tell."""
    lease = await begun(database, "t")
    await database.threads.erase("t", force=True)

    with pytest.raises(LeaseLostError):
        await database.queue.finish(lease, Ended(status=RunStatus.FAILED, error=f"{PERSON} was not found"))
    assert (await database.threads.find("t") or _none()).late is False


# --- what the queue keeps ---


async def test_a_queued_run_keeps_its_thread_from_being_deleted(database: Database) -> None:
    """By force it is cancelled, and no worker gets it."""
    await queued(database, "t", PERSON)
    with pytest.raises(ThreadInUseError, match="run r-queued is queued"):
        await database.threads.erase("t")
    await database.threads.erase("t", force=True)

    assert (await database.runs.get("r-queued") or _none()).status is RunStatus.CANCELLED
    lease = await begun(database, "t")
    assert lease.run_id == "r-begun"


async def test_no_byte_of_what_the_queue_keeps_stays(url: str) -> None:
    """What was given, answered, asked for, what failed, what happened, and what is to be done again."""
    async with open_database(url) as database:
        await fill_queue(database, "t")
        assert kept_bytes(url).count(PERSON.encode()) > 3
        await database.threads.erase("t", force=True)
        await database.threads.scrub()

        assert PERSON.encode() not in kept_bytes(url)


async def test_what_the_queue_keeps_is_exported(database: Database) -> None:
    """Inputs, questions and answers can be read."""
    await fill_queue(database, "t")
    lines = [line async for line in exported(database, "t")]

    told = {(line["kind"], name): str(value) for line in lines for name, value in line.items() if PERSON in str(value)}
    assert told.keys() >= {("run", "given"), ("run", "interrupts"), ("event", "data"), ("schedule", "given")}
    assert [line["given"] for line in lines if line.get("id") == "r-queued"] == [{"said": PERSON}]


async def test_a_run_is_not_repeated_because_its_thread_was_erased(database: Database) -> None:
    """Its key still belongs to it, though nobody knows any more what it was given."""
    await queued(database, "t", PERSON, key="order 7")
    await database.threads.erase("t", force=True)

    assert await queued(database, "t", PERSON, key="order 7", run_id="r-again") == "r-queued"


async def fill_queue(database: Database, thread: str) -> None:
    """A run that waits, one that is queued, one that failed, with their events; and a schedule."""
    data = Payloads(database.saver.serde).dumps({"said": PERSON})
    for run_id, end in (
        ("r-waits", Interrupted(interrupts=data, answer=PERSON)),
        ("r-failed", Ended(status=RunStatus.FAILED, error=PERSON)),
    ):
        await database.queue.finish(await begun(database, thread, run_id=run_id), end)
    await queued(database, thread, {"said": PERSON})
    when = {"cron": "0 9 * * 1", "zone": "UTC", "misfire": "once", "next_at": 1}
    what = {"thread_id": thread, "graph": "g", "reference": "g", "given": data, "queue": "default", "priority": 0}
    await database.writer.post(insert(ScheduleRow), {"tenant": "", "name": "weekly", **when, **what})


def _none() -> Any:
    raise AssertionError("it is not there")


async def test_a_conversation_may_begin_anew_on_an_erased_thread(url: str) -> None:
    """With nothing of the old one in it."""
    await converse(url, "t")
    await erase(url, "t")
    async with Trunkline(url, models=Models({})) as line:
        reply = await line.run(Agent("shop", model=ScriptedModel(["hello"])), "hi", thread="t")

    assert [message.text for message in reply.state["messages"]] == ["hi", "hello"]
