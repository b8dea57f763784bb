"""Calls on which people decide: what they can say, when it is too late, and what follows."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from langchain_core.messages import SystemMessage, ToolMessage
from sqlalchemy import select

from stand_ins.refunds import THREAD, WITHIN, Refunds, looked, states
from trunkline import Agent, ManualClock, ScriptedModel, Trunkline
from trunkline.agents import Models, call
from trunkline.errors import (
    AlreadyDecidedError,
    DecisionError,
    EditRefusedError,
    RequestExpiredError,
    RequestWithdrawnError,
    SamePersonError,
    UnknownCallError,
)
from trunkline.runtime.calls.decision import Decision, Verdict
from trunkline.runtime.calls.desk import GRACE, Decided
from trunkline.runtime.reply import Reply
from trunkline.runtime.storage.database import open_database
from trunkline.runtime.storage.tables import SpanRow
from trunkline.tools import CallState, Done, Failed, FailureKind


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def refunds() -> Refunds:
    return Refunds()


@pytest.fixture
async def line(url: str, clock: ManualClock) -> AsyncGenerator[Trunkline]:
    """An open line whose clock stands still."""
    async with opened(url, clock) as opened_line:
        yield opened_line


@asynccontextmanager
async def opened(url: str, clock: ManualClock, *, knows: Refunds | None = None) -> AsyncGenerator[Trunkline]:
    """Open a line of another process."""
    async with Trunkline(url, models=Models({}), clock=clock) as other:
        if knows:
            other.know(knows.agent)
        yield other


def results(reply: Reply) -> list[str]:
    return [message.text for message in reply.messages if isinstance(message, ToolMessage)]


def news(reply: Reply) -> list[dict[str, Any]]:
    return [json.loads(message.text) for message in reply.messages if isinstance(message, SystemMessage)]


async def until(line: Trunkline, clock: ManualClock, call_id: str, *wanted: CallState) -> None:
    """Let time pass until the clerk has brought the call there."""
    async with asyncio.timeout(30):
        while (await line.call(call_id)).state not in wanted:
            await looked(clock)


async def test_a_request_holds_up_neither_siblings_nor_the_conversation(line: Trunkline, refunds: Refunds) -> None:
    """The model reads that it waits, and the customer speaks on."""
    reply = await refunds.told(line, "refund A 6000; look B; refund C 100")
    [request] = await line.approvals(thread=THREAD)

    pending = {"status": "pending_approval", "approval": request.call_id, "reason": "6000 cents"}
    assert json.loads(results(reply)[0]) == pending
    assert results(reply)[1:] == ["B looked at", "refund C 100: ok"]
    assert (await refunds.told(line, "look D")).text == "noted"
    assert (request.thread, request.arguments["cents"], request.people) == (THREAD, 6000, 1)


async def test_what_is_approved_runs_once_and_the_conversation_hears_of_it(line: Trunkline, refunds: Refunds) -> None:
    """At its next turn, and only at that one."""
    request = await refunds.asked(line, "refund A 6000")
    decided = await line.approve(request.call_id[:8], by="dana")
    reply = await line.run(refunds.agent, [], thread=THREAD)

    done = Done(output="refund A 6000: ok", replayed=True)
    assert decided == Decided(call_id=request.call_id, state=CallState.DONE, outcome=done)
    assert refunds.deeds == ["refund A 6000"]
    [event] = news(reply)
    assert (event["event"], event["call"], event["state"]) == ("call_decided", request.call_id, "done")
    assert event["result"] == "refund A 6000: ok"
    assert len(news(await refunds.told(line, "hello"))) == 1


async def test_an_edit_runs_with_the_new_arguments(line: Trunkline, refunds: Refunds) -> None:
    """And under their key: the old one is free again."""
    request = await refunds.asked(line, "refund A 6000")
    decided = await line.approve(request.call_id, by="dana", arguments={"order_id": "B", "cents": 5500})
    await refunds.told(line, "refund A 100")

    assert (decided.state, refunds.deeds) == (CallState.DONE, ["refund B 5500", "refund A 100"])
    [event, *_] = news(await refunds.told(line, "hello"))
    assert event["arguments"] == {"order_id": "B", "cents": 5500}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"order_id": "A", "cents": "many"}, "keeps its arguments: the arguments of 'refund' are not valid"),
        ({"order_id": "A"}, "keeps its arguments: the arguments of 'refund' are not valid"),
        ({"order_id": "B", "cents": 5500}, "has another call with the key of the edited arguments"),
    ],
)
async def test_an_edit_that_cannot_be_is_refused(
    line: Trunkline, refunds: Refunds, arguments: dict[str, Any], problem: str
) -> None:
    """The request still waits as it was."""
    await refunds.told(line, "refund B 100")
    request = await refunds.asked(line, "refund A 6000")
    with pytest.raises(EditRefusedError, match=problem) as raised:
        await line.approve(request.call_id, by="dana", arguments=arguments)

    assert raised.value.status == 422
    assert await line.approvals() == [request]
    assert refunds.deeds == ["refund B 100"]


async def test_an_edit_cannot_take_the_key_of_what_may_have_happened(line: Trunkline, refunds: Refunds) -> None:
    """With other arguments: nobody knows yet whether that key is used."""
    await refunds.told(line, "refund B 107")
    request = await refunds.asked(line, "refund A 6000")
    with pytest.raises(EditRefusedError, match="has another call with the key of the edited arguments"):
        await line.approve(request.call_id, by="dana", arguments={"order_id": "B", "cents": 5500})

    assert await states(line) == [("refund", CallState.AWAITING_APPROVAL), ("refund", CallState.UNKNOWN)]


async def test_who_edits_too_late_hears_that_it_is_too_late(line: Trunkline, refunds: Refunds) -> None:
    """Not what is wrong with the arguments."""
    request = await refunds.asked(line, "refund A 6000")
    await line.reject(request.call_id, by="dana")

    with pytest.raises(AlreadyDecidedError, match=r"was decided already by dana at .* UTC; it is rejected"):
        await line.approve(request.call_id, by="eve", arguments={})


async def test_a_rejection_reaches_the_conversation_with_its_reason_alone(
    url: str, line: Trunkline, refunds: Refunds
) -> None:
    """The note for colleagues is in no message, no news and no span."""
    request = await refunds.asked(line, "refund A 6000")
    decided = await line.reject(request.call_id, by="dana", reason="not_covered", note="smells of fraud")
    reply = await refunds.told(line, "hello")
    async with open_database(url) as database, database.runs._engine.connect() as connection:  # pyright: ignore[reportPrivateUsage]
        await database.flush()
        spans = [str(row) for row in await connection.execute(select(SpanRow.__table__))]

    failed = Failed(kind=FailureKind.REJECTED, message="a colleague refused it: not_covered")
    assert (decided.state, decided.outcome) == (CallState.REJECTED, failed)
    assert [event["message"] for event in news(reply)] == ["a colleague refused it: not_covered"]
    assert "smells" not in f"{reply} {spans} {await line.calls()}"
    assert refunds.deeds == []


async def test_a_request_expires(line: Trunkline, refunds: Refunds, clock: ManualClock) -> None:
    """Not a moment before its time, and not twice; its key is free then."""
    request = await refunds.asked(line, "refund A 6000")
    await clock.advance(WITHIN - 0.001)
    early = await line.expire()
    await clock.advance(0.001)

    assert (early, await line.expire() <= 1, await line.expire()) == (0, True, 0)
    assert (await line.call(request.call_id)).state is CallState.EXPIRED
    [event] = news(await refunds.told(line, "refund A 100"))
    assert event["message"] == "nobody decided in time; nothing was done"
    assert refunds.deeds == ["refund A 100"]


async def test_the_clerk_expires_by_itself(line: Trunkline, refunds: Refunds, clock: ManualClock) -> None:
    """Nobody has to ask."""
    request = await refunds.asked(line, "refund A 6000")
    await clock.advance(WITHIN)
    async with asyncio.timeout(30):
        while (await line.call(request.call_id)).state is not CallState.EXPIRED:
            await looked(clock)


async def test_an_approval_exactly_at_the_expiry_is_too_late(
    line: Trunkline, refunds: Refunds, clock: ManualClock
) -> None:
    """It is recorded as expired by that, and the next one hears the same."""
    request = await refunds.asked(line, "refund A 6000")
    await clock.advance(WITHIN)

    for arguments in (None, {"order_id": "A"}):
        with pytest.raises(RequestExpiredError, match=r"expired.*nothing was done") as raised:
            await line.approve(request.call_id, by="dana", arguments=arguments)
        assert (raised.value.status, raised.value.state) == (410, "expired")
    assert (await line.call(request.call_id)).state is CallState.EXPIRED
    assert refunds.deeds == []


async def test_what_is_withdrawn_cannot_be_approved(line: Trunkline, refunds: Refunds) -> None:
    """The customer has thought again."""
    request = await refunds.asked(line, "refund A 6000")
    decided = await line.withdraw(request.call_id, by="customer", reason="keeps it")

    assert decided.state is CallState.WITHDRAWN
    with pytest.raises(RequestWithdrawnError, match=r"was withdrawn by customer at .*; nothing was done") as raised:
        await line.approve(request.call_id, by="dana")
    assert raised.value.status == 409
    assert refunds.deeds == []


@pytest.mark.parametrize("verdict", list(Verdict))
async def test_nobody_decides_twice(line: Trunkline, refunds: Refunds, verdict: Verdict) -> None:
    """Whatever they say the second time."""
    request = await refunds.asked(line, "refund A 6000")
    await line.approve(request.call_id, by="dana")

    with pytest.raises(AlreadyDecidedError, match=r"was decided already by dana at .* UTC; it is done") as raised:
        await line._desk().decide(request.call_id, Decision(verdict=verdict, by="eve"))  # pyright: ignore[reportPrivateUsage]
    assert (raised.value.status, raised.value.state) == (409, "done")
    assert refunds.deeds == ["refund A 6000"]


async def test_a_call_that_is_not_on_record_cannot_be_decided_on(line: Trunkline) -> None:
    """The answer is a 404."""
    with pytest.raises(UnknownCallError, match="call c-0 is not on the ledger") as raised:
        await line.approve("c-0", by="dana")
    assert raised.value.status == 404


async def test_the_customer_agrees_before_people_are_asked(line: Trunkline, refunds: Refunds) -> None:
    """Each gate is passed once."""
    request = await refunds.asked(line, "close A")
    with pytest.raises(DecisionError, match="waits for the customer's confirmation first"):
        await line.approve(request.call_id, by="dana")
    confirmed = await line.confirm(request.call_id)
    with pytest.raises(AlreadyDecidedError, match="was confirmed already"):
        await line.confirm(request.call_id)

    assert (request.state, confirmed.state) == (CallState.PROPOSED, CallState.AWAITING_APPROVAL)
    assert refunds.deeds == []
    assert (await line.approve(request.call_id, by="dana")).state is CallState.DONE
    assert refunds.deeds == ["close A"]


async def test_a_customer_who_declines_withdraws(line: Trunkline, refunds: Refunds) -> None:
    """Nothing happens, and the conversation hears it."""
    request = await refunds.asked(line, "close A")
    decided = await line.decline(request.call_id)

    assert decided.state is CallState.WITHDRAWN
    [event] = news(await refunds.told(line, "hello"))
    assert event["message"] == "it was withdrawn before it ran: the customer did not agree"


async def test_two_people_must_be_two(line: Trunkline, refunds: Refunds) -> None:
    """The first one's word counts once."""
    request = await refunds.asked(line, "refund A 60000")
    first = await line.approve(request.call_id, by="dana")
    with pytest.raises(SamePersonError, match="was approved by dana already; it needs 2 different people") as raised:
        await line.approve(request.call_id, by="dana")

    assert (first.state, first.missing, raised.value.status) == (CallState.AWAITING_APPROVAL, 1, 403)
    assert refunds.deeds == []
    assert (await line.approve(request.call_id, by="eve")).state is CallState.DONE


async def test_an_edit_begins_anew_with_whoever_made_it(line: Trunkline, refunds: Refunds) -> None:
    """Nobody's agreement to the old arguments counts for the new ones; not even the editor's own."""
    request = await refunds.asked(line, "refund A 60000")
    await line.approve(request.call_id, by="dana")
    edited = await line.approve(request.call_id, by="dana", arguments={"order_id": "A", "cents": 70000})
    done = await line.approve(request.call_id, by="eve")

    assert (edited.state, edited.missing, done.state) == (CallState.AWAITING_APPROVAL, 1, CallState.DONE)
    assert refunds.deeds == ["refund A 70000"]


async def test_policy_is_asked_again_before_an_approved_call_runs(line: Trunkline, refunds: Refunds) -> None:
    """The world has changed since it was proposed."""
    request = await refunds.asked(line, "refund A 6000")
    refunds.closed.add("A")
    decided = await line.approve(request.call_id, by="dana")

    failed = Failed(kind=FailureKind.DENIED, message="the order is closed")
    assert (decided.state, decided.outcome, refunds.deeds) == (CallState.DENIED, failed, [])
    [event] = news(await refunds.told(line, "hello"))
    assert (event["state"], event["message"]) == ("denied", "the order is closed")


async def test_a_tool_may_refuse_what_people_have_approved(line: Trunkline, refunds: Refunds) -> None:
    """They hear it at once, and the conversation later."""
    request = await refunds.asked(line, "refund A 6003")
    decided = await line.approve(request.call_id, by="dana")

    assert decided.outcome == Failed(kind=FailureKind.REJECTED, message="no odd cents")
    assert [event["message"] for event in news(await refunds.told(line, "hello"))] == ["no odd cents"]


async def test_of_two_approvals_at_one_moment_one_counts(
    url: str, line: Trunkline, refunds: Refunds, clock: ManualClock
) -> None:
    """From two processes: one execution, and the other one hears that it is decided."""
    request = await refunds.asked(line, "refund A 6000")
    async with opened(url, clock, knows=refunds) as other:
        both = (line.approve(request.call_id, by="dana"), other.approve(request.call_id, by="eve"))
        answers = await asyncio.gather(*both, return_exceptions=True)

    assert sorted(type(answer).__name__ for answer in answers) == ["AlreadyDecidedError", "Decided"]
    assert (refunds.deeds, await states(line)) == (["refund A 6000"], [("refund", CallState.DONE)])
    assert len(news(await refunds.told(line, "hello"))) == 1


async def test_an_approval_while_it_is_withdrawn_has_one_end(
    url: str, line: Trunkline, refunds: Refunds, clock: ManualClock
) -> None:
    """Either it ran, or it was withdrawn: each hears the same story."""
    request = await refunds.asked(line, "refund A 6000")
    async with opened(url, clock, knows=refunds) as other:
        both = (line.approve(request.call_id, by="dana"), other.withdraw(request.call_id, by="customer"))
        answers = await asyncio.gather(*both, return_exceptions=True)
    end = (await line.call(request.call_id)).state

    assert end in {CallState.DONE, CallState.WITHDRAWN}
    assert refunds.deeds == (["refund A 6000"] if end is CallState.DONE else [])
    assert any(isinstance(answer, Decided) and answer.state is end for answer in answers)
    assert len(news(await refunds.told(line, "hello"))) == 1


@pytest.mark.parametrize("text", ["refund A 6000", "close A"])
async def test_a_line_without_the_tool_leaves_the_call_to_one_that_has_it(
    url: str, refunds: Refunds, clock: ManualClock, text: str
) -> None:
    """It is ready until that one's clerk looks."""
    async with opened(url, clock) as first:
        request = await refunds.asked(first, text)
    async with opened(url, clock) as second:
        if request.state is CallState.PROPOSED:
            assert (await second.confirm(request.call_id)).state is CallState.READY
        else:
            assert (await second.approve(request.call_id, by="dana")).state is CallState.READY
        with pytest.raises(DecisionError):
            await second.approve(request.call_id, by="eve", arguments={"order_id": "B"})
    assert refunds.deeds == []
    async with opened(url, clock, knows=refunds) as third:
        await until(third, clock, request.call_id, CallState.DONE, CallState.AWAITING_APPROVAL)
    assert refunds.deeds == ([text] if request.state is CallState.AWAITING_APPROVAL else [])


async def test_what_is_ready_can_still_be_withdrawn(url: str, refunds: Refunds, clock: ManualClock) -> None:
    """While no process has begun it."""
    async with opened(url, clock) as first:
        request = await refunds.asked(first, "refund A 6000")
    async with opened(url, clock) as second:
        await second.approve(request.call_id, by="dana")
        decided = await second.withdraw(request.call_id, by="customer")
        second.know(refunds.agent)
        await looked(clock)

    assert (decided.state, refunds.deeds) == (CallState.WITHDRAWN, [])


async def test_a_process_that_comes_late_does_not_deny_what_was_done(
    url: str, line: Trunkline, refunds: Refunds, clock: ManualClock
) -> None:
    """Its policy would object by now: what is on record stays, and the conversation hears once."""
    request = await refunds.asked(line, "refund A 6000")
    late = Refunds(closed={"A"})
    async with opened(url, clock, knows=late) as other, open_database(url, clock=clock) as database:
        approved = Decision(verdict=Verdict.APPROVE, by="dana")
        record = await database.book.decide(request.call_id, approved)
        await asyncio.gather(line._desk().carry_out(record), other._desk().carry_out(record))  # pyright: ignore[reportPrivateUsage]
        end = (await other.call(request.call_id)).state

    assert refunds.deeds == (["refund A 6000"] if end is CallState.DONE else [])
    assert [event["state"] for event in news(await refunds.told(line, "hello"))] == [end.value]


@asynccontextmanager
async def frozen(url: str, clock: ManualClock, text: str) -> AsyncGenerator[str]:
    """A process that stands still in the middle of a call which was approved; it goes on at the end."""
    stuck = Refunds(stuck=True)
    async with opened(url, clock) as line:
        request = await stuck.asked(line, text)
        approving = asyncio.create_task(line.approve(request.call_id, by="dana"))
        await stuck.until_done()
        yield request.call_id
        stuck.may_end.set()
        await approving


async def test_a_keyed_write_whose_process_died_runs_again(url: str, refunds: Refunds, clock: ManualClock) -> None:
    """With the same key, when it cannot be running any more."""
    async with frozen(url, clock, "refund A 6000") as call_id, opened(url, clock, knows=refunds) as line:
        await looked(clock)
        assert ((await line.call(call_id)).state, refunds.deeds) == (CallState.RUNNING, [])
        await clock.advance(GRACE * 4)
        await until(line, clock, call_id, CallState.DONE)

    assert refunds.deeds == ["refund A 6000"]
    async with opened(url, clock) as line:
        assert len(news(await refunds.told(line, "hello"))) == 1


@pytest.mark.parametrize("status", ["sent", None])
async def test_what_may_not_run_again_is_found_out_about(
    url: str, refunds: Refunds, clock: ManualClock, status: str | None
) -> None:
    """`status=` knows what became of it, and the conversation is told."""
    refunds.status = status
    async with frozen(url, clock, "post A") as call_id, opened(url, clock, knows=refunds) as line:
        await clock.advance(GRACE * 4)
        await until(line, clock, call_id, CallState.DONE, CallState.FAILED)
        [event] = news(await refunds.told(line, "hello"))

    assert (event["state"], event.get("result")) == (("done", "sent A") if status else ("failed", None))
    assert refunds.deeds == []


@pytest.mark.parametrize("happened", [True, False])
async def test_a_person_settles_what_nobody_knows(
    url: str, refunds: Refunds, clock: ManualClock, *, happened: bool
) -> None:
    """Once; the conversation is told, and the key is free where nothing happened."""
    async with frozen(url, clock, "post A") as call_id, opened(url, clock) as line:
        settled = await line.settle(call_id, by="dana", happened=happened, output={1, 2})
        with pytest.raises(AlreadyDecidedError, match="there is nothing unknown about it"):
            await line.settle(call_id, by="eve", happened=not happened)
        [event] = news(await refunds.told(line, "hello"))

    assert settled.state is (CallState.DONE if happened else CallState.FAILED)
    assert event["state"] == settled.state
    assert event.get("result") == ([1, 2] if happened else None)


async def test_a_done_call_is_undone_once(line: Trunkline, refunds: Refunds) -> None:
    """By two people at one moment; its key is free afterwards."""
    await refunds.told(line, "refund A 100")
    [record] = await line.calls()
    both = (line.compensate(record.call_id, by="dana"), line.compensate(record.call_id, by="eve"))
    answers = await asyncio.gather(*both, return_exceptions=True)

    assert refunds.deeds == ["refund A 100", "take A"]
    assert CallState.DONE in {answer.state for answer in answers if isinstance(answer, Decided)}
    assert await states(line) == [("refund", CallState.UNDONE), ("take_back", CallState.DONE)]
    with pytest.raises(AlreadyDecidedError, match="cannot be undone: it is undone"):
        await line.compensate(record.call_id, by="dana")
    await refunds.told(line, "refund A 200")
    assert refunds.deeds[2:] == ["refund A 200"]


async def test_a_call_without_a_key_is_undone_once_as_well(line: Trunkline, refunds: Refunds) -> None:
    """It is on record as undone."""
    await refunds.told(line, "book A")
    [record] = await line.calls()
    await line.compensate(record.call_id, by="dana")

    assert await states(line) == [("book", CallState.UNDONE), ("take_back", CallState.DONE)]
    with pytest.raises(AlreadyDecidedError, match="cannot be undone: it is undone"):
        await line.compensate(record.call_id, by="dana")


async def test_what_cannot_be_undone_says_why(line: Trunkline, refunds: Refunds) -> None:
    """Its tool names nothing that would."""
    await refunds.told(line, "send bob 100")
    [record] = await line.calls()

    with pytest.raises(AlreadyDecidedError, match="cannot be undone: it is done, and its tool has no compensate="):
        await line.compensate(record.call_id, by="dana")


async def test_an_argument_from_untrusted_text_needs_the_customer(line: Trunkline, refunds: Refunds) -> None:
    """What the customer has said does not."""
    await refunds.told(line, "mail")
    await refunds.told(line, "send bob 100")
    reply = await line.run(sent_to_whom_the_mail_says(refunds), "go on", thread=THREAD)
    [request] = await line.approvals()

    assert json.loads(results(reply)[-1])["status"] == "pending_confirmation"
    assert (request.state, dict(request.untrusted)) == (CallState.PROPOSED, {"recipient": "mail"})
    assert refunds.deeds == ["send bob 100"]
    assert (await line.confirm(request.call_id)).state is CallState.DONE


def sent_to_whom_the_mail_says(refunds: Refunds) -> Agent:
    """Return an agent whose model does what the mail says."""
    script = ["", "", "", "", [call("send", recipient="mallory@example.com", cents=100)], "noted"]
    return Agent("refunds", model=ScriptedModel(script), tools=refunds.tools())


async def test_a_decision_with_time_left_is_not_expired(line: Trunkline, refunds: Refunds) -> None:
    """Between the clerk's look and its word a confirmation may have begun a new request."""
    request = await refunds.asked(line, "refund A 6000")
    with pytest.raises(DecisionError, match="has time left"):
        await line._desk().decide(request.call_id, Decision(verdict=Verdict.EXPIRE, by="clerk"))  # pyright: ignore[reportPrivateUsage]
    assert await line.approvals() == [request]
