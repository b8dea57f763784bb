"""What an earlier call means for a later one."""

from dataclasses import replace
from typing import Any

import pytest

from stand_ins.calls import ask, origin
from trunkline.tools import (
    Ask,
    CallResult,
    CallState,
    Done,
    Failed,
    FailureKind,
    MemoryLedger,
    Outcome,
    Pending,
    StillRunning,
    Tool,
    Toolbox,
    ToolCall,
    Unknown,
    tool,
)
from trunkline.tools.binding import bind
from trunkline.tools.ledger import Entry, verdict


async def act(order_id: str, amount: int = 1) -> str:
    """Act."""
    return f"{order_id} {amount}"


WRITE = tool(effect="write", key="act:{order_id}")(act)
WRITE_ONCE = tool(effect="write_once", key="act:{order_id}")(act)
KEYLESS = tool(effect="write_once")(act)
DONE = Done(output="first")


def call(made: Tool = WRITE, *, batch: str = "first", **arguments: Any) -> ToolCall:
    bound = bind(Toolbox([made]), ask(made, **{"order_id": "A", **arguments}), origin(batch), 0)
    assert isinstance(bound, ToolCall)
    return bound


def result(of: ToolCall, outcome: Outcome) -> CallResult:
    return CallResult(call_id=of.call_id, request=of.request, outcome=outcome)


async def ledger_with(made: Tool, outcome: Outcome | None) -> MemoryLedger:
    """A ledger in which a first call is intended, and has ended if an outcome is given."""
    ledger = MemoryLedger()
    assert await ledger.intend(call(made)) is None
    if outcome:
        await ledger.record(call(made), result(call(made), outcome))
    return ledger


REJECTED = Failed(kind=FailureKind.REJECTED, message="no")
LOST = Unknown(message="lost")
MAY_HAVE = Unknown(
    message=f"call {call().call_id} was interrupted and may have taken effect; a person must look",
)
OTHER_MAY_HAVE = replace(MAY_HAVE, call_id=call().call_id)
MUCH = Ask(reason="much")


@pytest.mark.parametrize(
    ("made", "earlier", "expected"),
    [
        (WRITE, DONE, replace(DONE, replayed=True)),
        (WRITE_ONCE, DONE, replace(DONE, replayed=True)),
        (KEYLESS, DONE, None),
        (WRITE, LOST, None),
        (WRITE_ONCE, LOST, OTHER_MAY_HAVE),
        (WRITE, REJECTED, None),
        (WRITE_ONCE, REJECTED, None),
    ],
)
async def test_another_call_with_the_key_of_one_that_ended(
    made: Tool, earlier: Outcome, expected: Outcome | None
) -> None:
    """Done: its result again. Lost: only a keyed write may run again. Refused: it holds nothing."""
    ledger = await ledger_with(made, earlier)

    assert await ledger.intend(call(made, batch="second")) == expected


@pytest.mark.parametrize(
    ("made", "expected"),
    [(WRITE, None), (WRITE_ONCE, MAY_HAVE), (KEYLESS, MAY_HAVE)],
)
async def test_a_call_that_was_interrupted_is_made_again_only_if_that_is_safe(
    made: Tool, expected: Outcome | None
) -> None:
    """The same call, after a crash in the middle of its effect."""
    ledger = await ledger_with(made, None)

    assert await ledger.recall([call(made).call_id]) == {call(made).call_id: StillRunning(call_id=call(made).call_id)}
    assert await ledger.intend(call(made)) == expected


async def test_while_a_call_runs_another_with_its_key_must_wait() -> None:
    """Two conversations that ask for one effect at the same moment have it once."""
    ledger = await ledger_with(WRITE, None)
    message = f"another call with key 'act:A' is running ({call().call_id}); ask again later"

    assert await ledger.intend(call(batch="second")) == Failed(kind=FailureKind.RETRYABLE, message=message)
    assert await ledger.intend(call(batch="second", order_id="B")) is None


@pytest.mark.parametrize("earlier", [DONE, LOST, None])
async def test_a_key_with_other_arguments_is_refused(earlier: Outcome | None) -> None:
    """The text names the key and the call that holds it."""
    ledger = await ledger_with(WRITE, earlier)
    message = f"key 'act:A' was already used by call {call().call_id} with other arguments; nothing was done"

    assert await ledger.intend(call(batch="second", amount=2)) == Failed(kind=FailureKind.REJECTED, message=message)


async def test_a_refused_call_may_be_corrected() -> None:
    """The model asked for too much, was refused, and asks for less under the same key."""
    ledger = await ledger_with(WRITE, REJECTED)
    corrected = call(batch="second", amount=2)

    assert await ledger.intend(corrected) is None
    await ledger.record(corrected, result(corrected, DONE))
    assert await ledger.intend(call(batch="third", amount=2)) == replace(DONE, replayed=True)


async def test_a_refused_call_does_not_take_the_key_from_the_one_that_holds_it() -> None:
    """A lost effect stays lost, even if asking again was refused."""
    ledger = await ledger_with(WRITE_ONCE, LOST)
    second = call(WRITE_ONCE, batch="second")
    await ledger.record(second, result(second, REJECTED))

    assert await ledger.intend(call(WRITE_ONCE, batch="third")) == OTHER_MAY_HAVE


async def test_a_proposal_is_made_once() -> None:
    """Asking again while a person decides gives the same approval to wait for; with other arguments it is refused."""
    ledger = MemoryLedger()
    waiting = Pending(call_id=call().call_id, reason="much")

    assert await ledger.propose(call(), MUCH, "approval") == waiting
    assert await ledger.propose(call(batch="second"), Ask(reason="much again"), "approval") == waiting
    assert isinstance(await ledger.propose(call(batch="second", amount=2), MUCH, "approval"), Failed)


@pytest.mark.parametrize(
    ("state", "may_run"),
    [(CallState.READY, True), *((state, False) for state in CallState if state is not CallState.READY)],
)
def test_an_approved_call_runs_only_when_it_is_ready(state: CallState, may_run: bool) -> None:
    """Not while it waits, not a second time, not after it was withdrawn."""
    entry = Entry(call_id=call().call_id, fingerprint=call().fingerprint, state=state, outcome=None)

    assert (verdict(replace(call(), approved=True), entry, None) is None) == may_run


def test_an_approved_call_that_nobody_knows_does_not_run() -> None:
    """An approval is a row of the ledger, not a flag."""
    assert verdict(replace(call(), approved=True), None, None) is not None


async def test_calls_that_ended_are_recalled() -> None:
    """However they ended; one that was cut off is told apart from one that never began."""
    ledger, calls = MemoryLedger(), [call(KEYLESS, batch=name) for name in ("done", "refused", "running", "new")]
    for each, outcome in zip(calls, (DONE, REJECTED), strict=False):
        await ledger.record(each, result(each, outcome))
    await ledger.intend(calls[2])

    running = StillRunning(call_id=calls[2].call_id)
    recalled = await ledger.recall([each.call_id for each in calls])
    assert recalled == {calls[0].call_id: DONE, calls[1].call_id: REJECTED, calls[2].call_id: running}


def test_without_an_earlier_call_there_is_no_verdict() -> None:
    """Nor after one that was denied or withdrawn: the model may ask anew."""
    entry = Entry(call_id=call().call_id, fingerprint=call().fingerprint, state=CallState.DENIED, outcome=None)

    assert (verdict(call(), None, None), verdict(call(), entry, entry)) == (None, None)
