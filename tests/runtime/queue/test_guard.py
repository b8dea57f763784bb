"""The guard: what a run writes when its lease is gone, and what still comes of it afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from sqlalchemy import func, select

from stand_ins.calls import ask, origin
from stand_ins.queues import QueueUnderTest
from trunkline import Agent, ScriptedModel, Trunkline, tool
from trunkline.agents import Models, call
from trunkline.errors import LeaseLostError, RunFailedError
from trunkline.runtime.money.spend import Spend
from trunkline.runtime.queue.lease import Lease, hold
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.call_book import News
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.queue.finishing import Ended
from trunkline.runtime.storage.tables import Table
from trunkline.runtime.tracing.span import Span, SpanKind, SpanStatus
from trunkline.tools import Ask, CallResult, CallState, Done, Toolbox, ToolCall
from trunkline.tools.binding import bind

AT = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = {"configurable": {"thread_id": "/t", "checkpoint_ns": "", "checkpoint_id": empty_checkpoint()["id"]}}


@tool(effect="write", key="act:{order}")
async def act(order: str) -> str:
    """Act."""
    return order


def bound(batch: str = "late") -> ToolCall:
    """A call as a run makes it."""
    made = bind(Toolbox([act]), ask(act, order=batch), origin(batch), 0)
    assert isinstance(made, ToolCall)
    return made


def result(of: ToolCall) -> CallResult:
    return CallResult(call_id=of.call_id, request=of.request, outcome=Done(output="done"))


async def spans(database: Database) -> None:
    """Tracing makes nobody wait: its rows go with the next commit, and their loss is told to the log."""
    span = Span(
        id="s", run_id="r", parent_id=None, name="n", kind=SpanKind.STEP, status=SpanStatus.OK, error=None,
        started_at=AT, ended_at=AT, attributes={},
    )  # fmt: skip
    spend = Spend(
        span_id="s", tenant="", run_id="r", thread_id="/t", model="m", input_tokens=1, cached_tokens=0,
        output_tokens=1, micro_usd=None, at=AT,
    )  # fmt: skip
    database.spans.add([span], [spend])
    await database.flush()


async def news(database: Database) -> None:
    """What a conversation was told."""
    (about,) = await database.book.calls(states={CallState.DONE}, limit=1)
    await database.book.told([News(id=1, event="call_finished", call=about)], run_id="r")


WRITES: dict[str, Callable[[Database], Awaitable[object]]] = {
    "checkpoint": lambda database: database.saver.aput(PLACE, empty_checkpoint(), {}, {}),  # pyright: ignore[reportArgumentType]
    "pending writes": lambda database: database.saver.aput_writes(PLACE, [("channel", 1)], "task"),  # pyright: ignore[reportArgumentType]
    "intent": lambda database: database.ledger.intend(bound()),
    "result": lambda database: database.ledger.record(bound(), result(bound())),
    "result as news": lambda database: database.ledger.record(bound(), result(bound()), news=True),
    "proposal": lambda database: database.ledger.propose(bound(), Ask(reason="why"), "approval"),
    "undoing": lambda database: database.ledger.undo("act:before", by=bound().call_id),
    "settlement": lambda database: database.ledger.settle(bound("before").call_id, Done(output="else")),
    "news": news,
    "spans and spend": spans,
}


@pytest.fixture
async def lease(here: QueueUnderTest, database: Database) -> Lease:
    """The lease of a run, which holds it; a call of before it is on record as done."""
    before = bound("before")
    await database.ledger.record(before, result(before))
    await here.submit()
    return await here.claim_one()


async def contents(here: QueueUnderTest) -> dict[str, list[object]]:
    """All rows of all tables but the workers'."""
    async with here.engine.connect() as connection:
        tables = [table for table in Table.metadata.sorted_tables if table.name != "workers"]
        return {table.name: list((await connection.execute(select(table))).all()) for table in tables}


@pytest.mark.parametrize("kind", WRITES)
@pytest.mark.parametrize("how", ["killed", "reaped"])
async def test_nothing_is_written_under_a_lost_lease(
    here: QueueUnderTest, database: Database, lease: Lease, kind: str, how: str
) -> None:
    """Whatever it is, and whoever took the lease: it is refused, counted, and whoever holds the lease is told."""
    told: list[bool] = []
    lease.on_loss.append(lambda: told.append(True))
    await (here.queue.kill(lease.run_id) if how == "killed" else here.queue.reap(known_dead=["w"]))
    before = await contents(here)
    hold(lease)

    with pytest.raises(LeaseLostError):
        await WRITES[kind](database)
    assert await contents(here) == before
    assert (lease.refused > 0, told) == (True, [True])


@pytest.mark.parametrize("kind", WRITES)
async def test_late_writes_count_while_their_worker_lives(
    here: QueueUnderTest, database: Database, lease: Lease, kind: str
) -> None:
    """A call that outlives its turn still records its result, and none once its worker was declared dead."""
    await here.queue.finish(lease, Ended(status=RunStatus.SUCCEEDED))
    hold(lease)
    await WRITES[kind](database)
    await here.queue.reap(known_dead=["w"])

    with pytest.raises(LeaseLostError):
        await WRITES[kind](database)


class Slow:
    """An agent whose tool waits until it may end."""

    def __init__(self) -> None:
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()

        @tool(effect="write", key="pay:{to}")
        async def pay(to: str) -> str:
            """Pay."""
            self.begun.set()
            await self.may_end.wait()
            return to

        self.agent = Agent("slow", model=ScriptedModel([[call("pay", to="A")], "done"]), tools=[pay])


async def test_a_killed_turn_ends_with_a_clear_error(url: str, line: Trunkline, here: QueueUnderTest) -> None:
    """Whoever ran it hears that the lease is gone; nothing is written after the kill, whoever cancelled nothing."""
    slow = Slow()
    turn = asyncio.create_task(line.run(slow.agent, "pay", thread="t"))
    await slow.begun.wait()
    (run_id,) = await here.runs("id")
    async with Trunkline(url, models=Models({})) as other:
        await other.kill(run_id)
    before = await contents(here)
    slow.may_end.set()

    with pytest.raises(RunFailedError, match="no longer has the lease"):
        await turn
    assert await contents(here) == before
    assert await here.runs("status", "error") == {run_id: ("cancelled", "killed")}


async def run_on(here: QueueUnderTest, thread: str) -> str:
    """The id of the run on the thread."""
    return next(run_id for run_id, name in (await here.runs("thread_id")).items() if name == thread)


async def test_a_run_inside_a_run_has_a_lease_of_its_own(line: Trunkline, here: QueueUnderTest) -> None:
    """Killed, the inner one fails its call, which is a read and so is tried again; the outer one goes on."""
    slow = Slow()

    @tool(effect="read")
    async def delegate() -> str:
        """Ask somebody else."""
        return (await line.run(slow.agent, "pay", thread="inner")).text

    outer = Agent("outer", model=ScriptedModel([[call("delegate")], "well"]), tools=[delegate])
    turn = asyncio.create_task(line.run(outer, "go", thread="outer"))
    await slow.begun.wait()
    await line.kill(await run_on(here, "inner"))
    slow.may_end.set()

    assert (await turn).text == "well"
    assert sorted((await here.runs("status")).values()) == ["cancelled", "succeeded", "succeeded"]


async def test_a_call_that_people_agreed_on_is_not_the_run_s_that_asked(line: Trunkline, here: QueueUnderTest) -> None:
    """A run decides on a call and is killed: the call is carried out and recorded all the same."""
    paid, may_end = asyncio.Event(), asyncio.Event()

    @tool(effect="write", key="pay:{to}", approve=True)
    async def pay(to: str) -> str:
        """Pay."""
        paid.set()
        await may_end.wait()
        return to

    @tool(effect="read")
    async def agree() -> str:
        """Agree to what waits."""
        (request,) = await line.approvals()
        return str(await line.approve(request.call_id, by="dana"))

    customer = Agent("customer", model=ScriptedModel([[call("pay", to="A")], "asked"]), tools=[pay])
    await line.run(customer, "pay", thread="t")
    boss = Agent("boss", model=ScriptedModel([[call("agree")], "agreed"]), tools=[agree])
    turn = asyncio.create_task(line.run(boss, "go", thread="boss"))
    await paid.wait()
    await line.kill(await run_on(here, "boss"))
    may_end.set()
    with pytest.raises(RunFailedError, match="no longer has the lease"):
        await turn

    assert [request.state for request in await line.calls() if request.tool == "pay"] == ["done"]


async def test_a_run_that_has_lost_its_lease_submits_nothing(here: QueueUnderTest) -> None:
    """A submission is a write of the run that makes it."""
    await here.submit()
    lease = await here.claim_one()
    await here.queue.kill(lease.run_id)
    hold(lease)

    with pytest.raises(LeaseLostError):
        await here.submit("other")
    async with here.engine.connect() as connection:
        runs = Table.metadata.tables["runs"]
        assert await connection.scalar(select(func.count()).select_from(runs)) == 1
