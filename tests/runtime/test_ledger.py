"""What every ledger promises: in memory, on SQLite, on PostgreSQL."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stand_ins.calls import ask, origin
from trunkline.runtime.calls.decision import Decision, Verdict
from trunkline.runtime.storage.call_book import CallTally
from trunkline.runtime.storage.database import Database, open_database
from trunkline.tools import (
    Ask,
    CallId,
    CallResult,
    CallState,
    Done,
    Effect,
    Failed,
    FailureKind,
    Ledger,
    MemoryLedger,
    Outcome,
    Pending,
    StillRunning,
    Tool,
    Toolbox,
    ToolCall,
    ToolRequest,
    Unknown,
    tool,
)
from trunkline.tools.binding import bind
from trunkline.tools.ledger import WAITING


async def act(order_id: str, amount: int = 1) -> str:
    """Act."""
    return f"{order_id} {amount}"


READ = tool(effect="read", name="look")(act)
WRITE = tool(effect="write", key="act:{order_id}")(act)
ONCE = tool(effect="write_once", key="act:{order_id}")(act)
DONE = Done(output={"paid": [1, None, "ü"]})
AGAIN = replace(DONE, replayed=True)
REFUSED = Failed(kind=FailureKind.REJECTED, message="no")
LOST = Unknown(message="lost")


def call(batch: str = "first", order_id: str = "A", made: Tool = WRITE, **arguments: Any) -> ToolCall:
    bound = bind(Toolbox([made]), ask(made, order_id=order_id, **arguments), origin(batch), 0)
    assert isinstance(bound, ToolCall)
    return bound


def ended(of: ToolCall, outcome: Outcome) -> CallResult:
    return CallResult(call_id=of.call_id, request=of.request, outcome=outcome, waited=0.5, seconds=1.5)


@pytest.fixture(params=["memory", "sqlite", "postgresql", "pooled", "schema"])
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def ledger_url(backend: str, request: pytest.FixtureRequest) -> str | None:
    """Where the ledger is; None: in memory."""
    return None if backend == "memory" else request.getfixturevalue("url")


@pytest.fixture
async def ledger(ledger_url: str | None) -> AsyncGenerator[Ledger]:
    if ledger_url is None:
        yield MemoryLedger()
        return
    async with open_database(ledger_url) as database:
        yield database.ledger


on_databases = pytest.mark.parametrize("backend", ["sqlite", "postgresql"])


@pytest.mark.parametrize("made", [READ, WRITE, ONCE])
@pytest.mark.parametrize("outcome", [DONE, Done(output=None), REFUSED, LOST])
async def test_a_call_that_ended_is_recalled(ledger: Ledger, made: Tool, outcome: Outcome) -> None:
    """As it ended; what was done says that it is from the record."""
    first, other = call(made=made), call("other", "B", made=made)
    await ledger.record(first, ended(first, outcome))

    recalled = await ledger.recall([first.call_id, other.call_id])
    assert {key: replayed(value) for key, value in recalled.items()} == {first.call_id: replayed(outcome)}


def replayed(outcome: Outcome | None) -> Outcome | None:
    """The outcome without the difference whether it is from the record."""
    return replace(outcome, replayed=True) if isinstance(outcome, Done) else outcome


async def test_an_effect_may_run_when_its_intent_is_on_record(ledger: Ledger) -> None:
    """It has no outcome before it has ended."""
    assert await ledger.intend(call()) is None
    assert await ledger.recall([call().call_id]) == {call().call_id: StillRunning(call_id=call().call_id)}


async def test_one_key_takes_effect_once(ledger: Ledger) -> None:
    """A later call with the same key gets the first result."""
    assert await ledger.intend(call()) is None
    await ledger.record(call(), ended(call(), DONE))

    assert await ledger.intend(call("second")) == AGAIN
    assert await ledger.intend(call("third", "B")) is None


@pytest.mark.parametrize("outcome", [DONE, LOST, None])
async def test_a_key_with_other_arguments_is_refused(ledger: Ledger, outcome: Outcome | None) -> None:
    """Whether the call that holds it is done, lost or under way."""
    await ledger.intend(call())
    if outcome:
        await ledger.record(call(), ended(call(), outcome))

    refused = await ledger.intend(call("second", amount=2))
    assert isinstance(refused, Failed)
    assert (refused.kind, call().call_id in refused.message) == (FailureKind.REJECTED, True)


async def test_a_call_that_failed_lets_go_of_its_key(ledger: Ledger) -> None:
    """The next one may run, with other arguments too."""
    await ledger.intend(call())
    await ledger.record(call(), ended(call(), REFUSED))

    assert await ledger.intend(call("second", amount=2)) is None


async def test_an_unknown_effect_is_settled_by_a_later_call(ledger: Ledger) -> None:
    """A keyed write may be made again, and what that gives is the result of its key."""
    await ledger.intend(call())
    await ledger.record(call(), ended(call(), LOST))
    assert await ledger.intend(call("second")) is None
    await ledger.record(call("second"), ended(call("second"), DONE))

    assert await ledger.intend(call("third")) == AGAIN


@pytest.mark.parametrize("outcome", [LOST, None])
async def test_an_unknown_effect_without_a_key_of_the_other_side_stays_unknown(
    ledger: Ledger, outcome: Outcome | None
) -> None:
    """Neither its own call, after a crash, nor a later one runs."""
    first = call(made=ONCE)
    await ledger.intend(first)
    if outcome:
        await ledger.record(first, ended(first, outcome))

    for each in (first, call("second", made=ONCE)):
        settled = await ledger.intend(each)
        assert isinstance(settled, Unknown) or (outcome is None and each.call_id != first.call_id)


async def test_of_many_that_ask_for_one_key_at_once_one_runs(ledger: Ledger) -> None:
    """The others are told to ask again."""
    settled = await asyncio.gather(*(ledger.intend(call(f"batch {n}")) for n in range(10)))

    assert settled.count(None) == 1
    others = [outcome for outcome in settled if outcome is not None]
    assert {outcome.kind for outcome in others if isinstance(outcome, Failed)} == {FailureKind.RETRYABLE}
    assert len(others) == 9


async def test_a_proposal_waits_and_holds_its_key(ledger: Ledger) -> None:
    """Who asks again waits for the same approval, and nobody may run it by saying that it was approved."""
    waiting = Pending(call_id=call().call_id, reason="much")

    assert await ledger.propose(call(), Ask(reason="much"), "approval") == waiting
    assert await ledger.propose(call("second"), Ask(reason="much again"), "approval") == waiting
    assert await ledger.intend(call("third")) == waiting
    assert await ledger.recall([call().call_id]) == {call().call_id: waiting}
    assert await ledger.intend(replace(call(), approved=True)) == waiting


async def test_what_is_done_need_not_be_proposed(ledger: Ledger) -> None:
    """Nobody is asked about an effect that has happened."""
    await ledger.record(call(), ended(call(), DONE))

    assert await ledger.propose(call("second"), Ask(reason="much"), "approval") == AGAIN


class Act(NamedTuple):
    """A step of a random history: a call is intended and, where it may run, ends so (None: it is still under way)."""

    batch: str
    order_id: str
    amount: int
    outcome: Outcome | None


ACTS = st.builds(
    Act,
    batch=st.sampled_from("12345"),
    order_id=st.sampled_from("AB"),
    amount=st.sampled_from([1, 2]),
    outcome=st.sampled_from([DONE, REFUSED, LOST, None]),
)


async def history(ledger: Ledger, acts: list[Act]) -> list[Outcome | None]:
    """What the ledger says to each act; one call is not intended twice."""
    said: dict[CallId, Outcome | None] = {}
    for act_ in acts:
        made = call(f"{act_.batch}{act_.order_id}{act_.amount}", act_.order_id, amount=act_.amount)
        if made.call_id in said:
            continue
        said[made.call_id] = await ledger.intend(made)
        if said[made.call_id] is None and act_.outcome is not None:
            await ledger.record(made, ended(made, act_.outcome))
    return [replayed(outcome) for outcome in said.values()]


@settings(max_examples=50, deadline=None)
@given(acts=st.lists(ACTS, min_size=2, max_size=12))
def test_memory_and_database_tell_the_same_history(upgraded_file: Path, acts: list[Act]) -> None:
    """Whatever is asked in whatever order: the stand-in for tests decides as the real ledger does."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{shutil.copy(upgraded_file, folder)}"

        assert asyncio.run(on_database(url, acts)) == asyncio.run(history(MemoryLedger(), acts))


async def on_database(url: str, acts: list[Act]) -> list[Outcome | None]:
    async with open_database(url) as database:
        return await history(database.ledger, acts)


@on_databases
async def test_of_two_processes_that_ask_for_one_key_one_runs(url: str, database: Database) -> None:
    """Each has connections of its own; neither sees an error of the database."""
    async with open_database(url) as other:
        for n in range(20):
            both = [each.ledger.intend(call(f"{n} {at}", str(n))) for at, each in enumerate((database, other))]
            settled = await asyncio.gather(*both)
            assert settled.count(None) == 1
            assert [outcome.kind for outcome in settled if isinstance(outcome, Failed)] == [FailureKind.RETRYABLE]


@on_databases
async def test_a_crashed_effect_stands_as_unknown_once_it_is_asked_for(url: str) -> None:
    """Its process is gone: the row no longer says that it runs."""
    first = call(made=ONCE)
    async with open_database(url) as database:
        await database.ledger.intend(first)
    async with open_database(url) as database:
        settled = await database.ledger.intend(first)

        assert isinstance(settled, Unknown)
        assert await database.ledger.recall([first.call_id]) == {first.call_id: settled}
        assert [tally.state for tally in await database.book.tally()] == [CallState.UNKNOWN]


@on_databases
async def test_a_settled_call_is_told_from_a_failed_one(database: Database) -> None:
    """Its answer was lost, and another call has shown what became of it."""
    await database.ledger.record(call(), ended(call(), LOST))
    await database.ledger.record(call("second"), ended(call("second"), DONE))
    await database.ledger.record(call("third", "B"), ended(call("third", "B"), REFUSED))

    done = CallTally(tool="act", effect=Effect.WRITE, state=CallState.DONE, failure=None, count=1)
    failed = replace(done, state=CallState.FAILED)
    refused = replace(failed, failure=FailureKind.REJECTED)
    assert await database.book.tally() == [done, failed, refused]
    assert await database.ledger.intend(call()) == AGAIN


@on_databases
async def test_keys_of_tenants_are_apart(url: str, database: Database) -> None:
    """And so is what stands in their ledgers."""
    await database.ledger.record(call(), ended(call(), DONE))
    async with open_database(url, tenant="acme") as other:
        assert await other.ledger.intend(call("theirs", amount=2)) is None
        assert [tally.state for tally in await other.book.tally()] == [CallState.RUNNING]

    assert [tally.state for tally in await database.book.tally()] == [CallState.DONE]


@on_databases
async def test_what_waits_for_a_person_is_listed_oldest_first(database: Database) -> None:
    """With all that one needs to decide."""
    for order_id in ("A", "B", "C"):
        await database.ledger.propose(call(order_id, order_id), Ask(reason=f"{order_id} is much"), "approval")
    rejection = Decision(verdict=Verdict.REJECT, by="dana")
    await database.book.decide(call("B", "B").call_id, rejection)

    waiting = await database.book.calls(states=WAITING)
    assert [(each.call_id, each.reason) for each in waiting] == [
        *[(call("A").call_id, "A is much"), (call("C", "C").call_id, "C is much")]
    ]
    assert (waiting[0].thread_id, waiting[0].tool, waiting[0].arguments) == ("thread", "act", {"order_id": "A"})


@on_databases
async def test_arguments_that_a_graph_makes_itself_are_recorded(database: Database) -> None:
    """Its code may ask with values that JSON does not know."""
    arguments = {"order_id": "A", "amount": Decimal(1), "at": datetime(2026, 1, 2, tzinfo=UTC)}
    asked = replace(call(), request=ToolRequest(name="act", arguments=arguments, tool_call_id="x"))
    await database.ledger.propose(asked, Ask(reason="much"), "approval")

    [waiting] = await database.book.calls(states=WAITING)
    assert waiting.arguments == {"order_id": "A", "amount": "1", "at": "2026-01-02T00:00:00Z"}


@on_databases
async def test_a_text_that_the_database_cannot_keep_is_recorded(database: Database) -> None:
    """A broken answer of the other side is no reason to lose what happened."""
    broken = Failed(kind=FailureKind.BUG, message="said \0 and \ud800")
    await database.ledger.record(call(), ended(call(), broken))

    assert await database.ledger.recall([call().call_id]) == {call().call_id: replace(broken, message="said ? and ?")}
