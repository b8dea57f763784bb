"""The verdict of `trunkline chaos`: what makes a broken promise, and what does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from trunkline.examples.call_center.backend import Effect
from trunkline.runtime.calls.record import CallRecord
from trunkline.runtime.cli.verdict import Evidence, Verdict, verdict
from trunkline.runtime.queue.status import RunStatus
from trunkline.tools import effect
from trunkline.tools.call import CallId, CallState

MAIL = {"customer_id": "C1", "template": "return_label", "variables": {"order_id": "O1"}}


def call(state: CallState, tool: str = "cancel_order", **given: Any) -> CallRecord:
    """A call that changes something, as it stands on the ledger."""
    unset = ("home", "reason", "outcome", "asked_at", "expires_at", "started_at", "decided_by", "note", "undoes")
    row: dict[str, Any] = dict.fromkeys(unset)
    row |= {"tenant": "", "thread_id": "t", "run_id": "r", "batch": "b", "tool_call_id": "c", "call_id": CallId("c1")}
    row |= {"attempts": 1, "people": 1, "agreed": (), "confirmed": False, "approved": False}
    row |= {"grants": {}, "untrusted": {}, "effect": effect.Effect.WRITE, "recorded_at": datetime.now(UTC)}
    row |= {"tool": tool, "state": state, "key": "cancel:O1", "arguments": {"order_id": "O1"}, **given}
    return CallRecord(**row)


def mailed() -> CallRecord:
    return call(CallState.DONE, "send_message", key="message:1", arguments={**MAIL, "recipient": None})


def did(operation: str = "cancel_order", key: str | None = "cancel:O1", **arguments: object) -> Effect:
    """Something that the systems did."""
    return Effect(system="orders", operation=operation, key=key, arguments=arguments or {"order_id": "O1"}, cents=0)


def judged(calls: list[CallRecord], effects: list[Effect], *, runs: dict[RunStatus, int] | None = None) -> Verdict:
    found = runs or {RunStatus.SUCCEEDED: 1}
    return verdict(
        Evidence(
            served=[], accepted=["r", "r"], runs=found, calls=calls, effects=effects, refused=2, struck={"kill": 1}
        )
    )


def test_what_the_ledger_and_the_systems_agree_on_breaks_no_promise() -> None:
    """An effect of a system that knows no keys is told by what it was asked with; a run counts once."""
    of = judged([call(CallState.DONE), mailed()], [did(), did("send_message", None, **MAIL)])

    assert of.broken == []
    assert (of.figures["deliveries"], of.figures["runs_accepted"], of.figures["effects"]) == (2, 1, 2)


@pytest.mark.parametrize(("effects", "said"), [([did()], "did it"), ([], "did not do it")])
def test_an_unknown_call_is_listed_with_what_the_systems_say(effects: list[Effect], said: str) -> None:
    """It breaks no promise: it is shown, and not guessed."""
    of = judged([call(CallState.UNKNOWN)], effects)

    assert (of.unknown, of.broken) == ([f"c1 cancel_order: the systems {said}"], [])


@pytest.mark.parametrize(
    ("calls", "effects", "broken"),
    [
        ([mailed()], [did("send_message", None, **MAIL)] * 2, "done 2 times: send_message"),
        ([call(CallState.DONE)], [], "done by the ledger, and not by the systems: cancel_order cancel:O1"),
        ([call(CallState.FAILED)], [did()], "done, and not on the ledger as done or unknown: cancel_order cancel:O1"),
        ([call(CallState.RUNNING)], [], "still running: cancel_order cancel:O1"),
    ],
)
def test_an_effect_breaks_a_promise(calls: list[CallRecord], effects: list[Effect], broken: str) -> None:
    """When it was done twice, was not done, or is not on the ledger."""
    [told] = judged(calls, effects).broken

    assert told.startswith(broken)


@pytest.mark.parametrize(
    ("runs", "broken"),
    [
        ({}, "1 runs were accepted and 0 are on record"),
        ({RunStatus.QUEUED: 1}, "1 runs are queued"),
        ({RunStatus.DEAD: 1}, "1 runs are dead"),
    ],
)
def test_a_run_breaks_a_promise(runs: dict[RunStatus, int], broken: str) -> None:
    """When it is lost, left over or given up."""
    of = verdict(Evidence(served=[], accepted=["r"], runs=runs, calls=[], effects=[], refused=0, struck={}))

    assert of.broken == [broken]
