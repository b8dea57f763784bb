"""The gates before a call: policy, the customer's confirmation, people's approval."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from stand_ins.calls import ask, cut_off, entry_of, id_of, outcomes, turn
from trunkline.tools import (
    Ask,
    CallExecutor,
    CallState,
    CurrentCall,
    Done,
    Engine,
    Failed,
    FailureKind,
    MemoryLedger,
    Pending,
    Rule,
    Tool,
    Unknown,
    asking,
    current_call,
    tool,
)


class Gate:
    """A tool behind gates, and what it did."""

    def __init__(self, **declared: Any) -> None:
        self.done: list[int] = []
        terms: dict[str, Any] = {"effect": "write", "key": "act:{n}", "writes": "thing:{n}", **declared}
        self.act: Tool = tool(**terms, name="act")(self._act)
        self.ledger = MemoryLedger()
        self.executor = CallExecutor(Engine(ledger=self.ledger))

    async def _act(self, n: int) -> int:
        """Act."""
        self.done.append(n)
        return n


@tool(effect="read", reads=())
async def ping() -> str:
    """Answer."""
    return "pong"


def only_even(arguments: Mapping[str, Any]) -> str | None:
    return "only even ones" if arguments["n"] % 2 else None


def nothing(_: Mapping[str, Any]) -> str | None:
    return None


def never(_: Mapping[str, Any]) -> Ask:
    return Ask(reason="never")


@pytest.mark.parametrize(
    ("requires", "grants", "reason"),
    [
        ("verified:2", {"verified": 2}, None),
        ("verified:2", {"verified": 3}, None),
        ("verified:2", {"verified": 1}, "it requires verified:2, and the conversation has verified:1"),
        ("verified:2", {}, "it requires verified:2, and the conversation has verified:0"),
        (only_even, {}, "only even ones"),
        (nothing, {}, None),
        (never, {}, "never"),
    ],
)
async def test_policy_refuses_a_call_and_its_siblings_go_on(
    requires: str | Rule, grants: Mapping[str, int], reason: str | None
) -> None:
    """The model reads why; the ledger holds the call as denied."""
    gate = Gate(requires=requires)
    request = ask(gate.act, n=1)
    ended = await turn([gate.act, ping], request, ask(ping), executor=gate.executor, batch="b", grants=grants)

    expected = Failed(kind=FailureKind.DENIED, message=reason) if reason else Done(output=1)
    assert ended == [expected, Done(output="pong")]
    assert gate.done == ([] if reason else [1])
    assert entry_of(gate.ledger, id_of(request)).state is (CallState.DENIED if reason else CallState.DONE)


async def test_an_asynchronous_rule_is_awaited() -> None:
    """A rule may look things up, while siblings run."""
    looked_up = asyncio.Event()

    async def slow(arguments: Mapping[str, Any]) -> str | None:
        await looked_up.wait()
        return f"{arguments['n']} is too many"

    @tool(effect="read", reads=())
    async def sibling() -> None:
        """Let the rule end."""
        looked_up.set()

    gate = Gate(requires=slow)
    ended = await outcomes([gate.act, sibling], ask(gate.act, n=9), ask(sibling))
    assert ended == [Failed(kind=FailureKind.DENIED, message="9 is too many"), Done(output=None)]


async def test_policy_comes_before_the_customer_and_the_customer_before_people() -> None:
    """Nobody is asked about what policy refuses, and no person about what the customer has not confirmed."""
    said: list[str] = []

    def objecting(name: str, *, when: int) -> Rule:
        def rule(arguments: Mapping[str, Any]) -> str | None:
            said.append(name)
            return name if arguments["n"] >= when else None

        return rule

    gate = Gate(
        requires=objecting("policy", when=3), confirm=objecting("customer", when=2), approve=objecting("people", when=1)
    )
    requests = [ask(gate.act, n=n) for n in range(4)]
    ended = await outcomes([gate.act], *requests, batch="b")

    assert ended == [
        Done(output=0),
        Pending(call_id=id_of(requests[1], 1), reason="people"),
        Pending(call_id=id_of(requests[2], 2), reason="customer", of="confirmation"),
        Failed(kind=FailureKind.DENIED, message="policy"),
    ]
    assert said == ["policy", "customer", "people"] * 2 + ["policy", "customer", "policy"]


@pytest.mark.parametrize(
    ("gate", "of", "state"),
    [("confirm", "confirmation", CallState.PROPOSED), ("approve", "approval", CallState.AWAITING_APPROVAL)],
)
async def test_a_call_that_somebody_must_decide_on_waits_on_the_ledger(gate: str, of: Any, state: CallState) -> None:
    """Nothing has run, and asking again for the same leads to the same request."""
    gated = Gate(**{gate: asking(lambda _: "big", people=2, within=60)})
    first = ask(gated.act, n=1)
    ended = await outcomes([gated.act], first, first, executor=gated.executor, batch="b")

    assert ended == [Pending(call_id=id_of(first), reason="big", of=of)] * 2
    assert (entry_of(gated.ledger, id_of(first)).state, gated.done) == (state, [])


@pytest.mark.parametrize("gate", ["requires", "confirm", "approve"])
@pytest.mark.parametrize("error", [KeyError("x"), asyncio.CancelledError()])
async def test_a_rule_that_raises_lets_nothing_run(gate: str, error: BaseException) -> None:
    """The call is a bug for the model; its siblings never notice, also when the rule's own work was cancelled."""

    async def broken(_: Mapping[str, Any]) -> None:
        raise error

    gated = Gate(**{gate: broken})
    [ended, sibling] = await outcomes([gated.act, ping], ask(gated.act, n=1), ask(ping))

    assert isinstance(ended, Failed)
    assert ended.kind is FailureKind.BUG
    assert "tool 'act' is broken: its declaration raised" in ended.message
    assert (sibling, gated.done) == (Done(output="pong"), [])


async def test_rules_are_asked_when_earlier_calls_that_conflict_have_ended() -> None:
    """So they see the world as the call would find it."""
    limit = [1]

    @tool(effect="write", key="raise", writes="thing:1")
    async def raise_limit() -> None:
        """Raise the limit."""
        await asyncio.sleep(0)
        limit[0] = 5

    def enough(arguments: Mapping[str, Any]) -> str | None:
        return None if arguments["n"] < limit[0] else "too much"

    gate = Gate(requires=enough)
    assert await outcomes([raise_limit, gate.act], ask(raise_limit), ask(gate.act, n=1)) == [
        Done(output=None),
        Done(output=1),
    ]


async def test_a_rule_knows_which_call_it_is_asked_about() -> None:
    """Also one that is awaited; no attempt has begun."""
    seen: list[CurrentCall] = []

    async def note(_: Mapping[str, Any]) -> None:
        await asyncio.sleep(0)
        seen.append(current_call())

    gate = Gate(requires=note, confirm=note, approve=note)
    request = ask(gate.act, n=7)
    await outcomes([gate.act], request, batch="b")

    expected = CurrentCall(
        call_id=id_of(request), tool="act", key="act:7", thread_id="thread", run_id="run", attempt=0, untrusted={}
    )
    assert seen == [expected] * 3


@pytest.mark.parametrize("times", [1, 2])
async def test_a_batch_may_be_cancelled_while_a_rule_is_asked(times: int) -> None:
    """Once or again: nothing runs, and the call is made anew when the batch is resumed."""
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(_: Mapping[str, Any]) -> None:
        asked.set()
        await answer.wait()

    gate = Gate(requires=slow)
    request = ask(gate.act, n=1)
    batch = asyncio.create_task(outcomes([gate.act], request, executor=gate.executor, batch="b"))
    await asked.wait()
    for _ in range(times):
        batch.cancel()
        await asyncio.sleep(0)
    await asyncio.wait([batch])

    assert (batch.cancelled(), gate.done) == (True, [])
    assert entry_of(gate.ledger, id_of(request)).state is CallState.CANCELLED
    answer.set()
    assert await outcomes([gate.act], request, executor=gate.executor, batch="b") == [Done(output=1)]


async def test_what_was_cut_off_is_not_refused_afterwards() -> None:
    """A call that has begun may have happened: that policy has changed since does not make it undone."""
    gate = Gate(requires="verified:1", effect="write_once", key=None)
    request = ask(gate.act, n=1)
    call = await cut_off(gate.ledger, gate.act, request)
    [ended] = await turn([gate.act], request, executor=gate.executor, batch="b", grants={"verified": 0})

    assert isinstance(ended, Unknown)
    assert entry_of(gate.ledger, call).state is CallState.UNKNOWN


def test_a_rule_can_be_given_terms() -> None:
    """What stands in its answer stays, where the terms do not say otherwise."""
    rule = asking(lambda _: Ask(reason="big"), people=2, within=9)

    async def answer() -> object:
        given: Any = rule({})
        return await given

    assert asyncio.run(answer()) == Ask(reason="big", people=2, within=9)
