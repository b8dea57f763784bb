"""S12: the caller drops in the middle of a turn, and calls again a few minutes later."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from trunkline import ScriptedModel, Trunkline
from trunkline.agents import Step, call
from trunkline.examples.call_center.backend import Backend, Effect, Faults
from trunkline.examples.call_center.day import generate_day
from trunkline.examples.call_center.graphs import after_call, live_contact
from trunkline.examples.call_center.graphs.live_contact import Graph
from trunkline.examples.call_center.policy import RECONNECT_WITHIN
from trunkline.examples.call_center.queued_shift import QueuedShift
from trunkline.examples.call_center.script import answer
from trunkline.examples.call_center.turns import recap_of, turn_of
from trunkline.examples.call_center.world import generate_world
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.scenarios.virtual_time import VirtualClock, in_virtual_time
from trunkline.tools.call import CallState

WORLD = generate_world(7)
PENDING = {order.customer_id: order for order in WORLD.orders if order.status == "pending"}
DELIVERED = next(
    order
    for order in WORLD.orders
    if order.delivered_at and (WORLD.now - order.delivered_at).days < 20 and order.customer_id in PENDING
    if order.lines[0].cents > 5100 and not order.refunds
)
CUSTOMER = next(customer for customer in WORLD.customers if customer.id == DELIVERED.customer_id)
CANCELLED = PENDING[CUSTOMER.id]
READS = {"get_shipment", "quote_refund"}
SLOW = {"cancel_order": 10.0, "get_shipment": 10.0, "quote_refund": 10.0}
REFUND = {"order_id": DELIVERED.id, "line_ids": ["L1"], "cents": 5100, "reason": "damaged"}


def script(messages: list[BaseMessage]) -> Step:
    """Ask for a change, a refund that a colleague must agree to and two reads at once; afterwards only talk."""
    if not messages[0].text.startswith("# Resolver"):
        return answer(messages)
    if any(message.type == "tool" for message in messages):
        return "Where were we?"
    return [
        call("cancel_order", order_id=CANCELLED.id, reason="changed_mind"),
        call("refund_order", **REFUND),
        call("get_shipment", order_id=DELIVERED.id),
        call("quote_refund", order_id=DELIVERED.id, line_ids=["L1"]),
    ]


_FIRST = generate_day(WORLD)[0]
CONTACT = replace(_FIRST, channel="voice", caller=CUSTOMER.phone, about=replace(_FIRST.about, customer_id=CUSTOMER.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Evening:
    """What came of it."""

    hung_up: RunStatus
    states: Mapping[str, CallState]
    """How the calls of the turn stand, by their tools."""

    effects: Sequence[Effect]
    noted: Sequence[bool]
    follow_ups: int
    said: str
    said_much_later: str

    def asked(self, operation: str) -> list[Mapping[str, Any]]:
        """Return the arguments with which an operation took effect."""
        return [effect.arguments for effect in self.effects if effect.operation == operation]


async def _evening(url: str) -> Evening:
    backend = Backend(WORLD, faults=Faults(slow=SLOW))
    backend.books.prove(CUSTOMER.id, 2)
    model, clock = ScriptedModel(script), VirtualClock()
    live = live_contact(backend, model=model)
    graphs = {"live_contact": live, "after_call": after_call(backend, model=model)}
    async with Trunkline(url, graphs=graphs, clock=clock) as line, line.worker(queues=["live", "after"]):
        shift = QueuedShift(line, backend, model=model, live="live", after="after", served=lambda _: None)
        run_id = await _submitted(line, clock.now(), said="Cancel the one and refund the other.")
        while not (READS | {"cancel_order"}) <= set(backend.wire.asked):  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.01)
        noted = await asyncio.gather(shift.hang_up(CONTACT, run_id), shift.hang_up(CONTACT, run_id))
        states = {call.tool: call.state for call in await line.calls(thread=CONTACT.id) if call.run_id == run_id}
        hung_up_at = clock.now()
        soon, late = hung_up_at + RECONNECT_WITHIN, hung_up_at + 2 * RECONNECT_WITHIN
        said = [await _said(line, live, hung_up_at=hung_up_at, now=moment) for moment in (soon, late)]
        return Evening(
            hung_up=(await line.found(run_id)).status,
            states=states,
            effects=backend.effects,
            noted=noted,
            follow_ups=(await line.report()).runs[RunStatus.SUCCEEDED] - len(said),
            said=said[0],
            said_much_later=said[1],
        )


async def _submitted(line: Trunkline, now: datetime, *, said: str, recap: str = "") -> str:
    turn = await turn_of(
        line,
        CONTACT.id,
        contact=CONTACT.id,
        channel=CONTACT.channel,
        caller=CONTACT.caller,
        now=now,
        said=said,
        recap=recap,
    )
    return await line.submit("live_contact", turn, thread=CONTACT.id, queue="live")


async def _said(line: Trunkline, graph: Graph, *, hung_up_at: datetime, now: datetime) -> str:
    """Return what the caller hears who calls again."""
    recap = await recap_of(line, CONTACT.id, hung_up_at=hung_up_at, now=now)
    run = await line.wait(await _submitted(line, now, said="Hello again.", recap=recap))
    assert run.status is RunStatus.SUCCEEDED
    return str((await line.state(graph, thread=CONTACT.id))["said"])


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Evening:
    """The contact, and the one after it, in virtual time."""
    return in_virtual_time(_evening(f"sqlite:///{tmp_path_factory.mktemp('evening')}/line.db"))


def test_reads_are_dropped_and_the_write_comes_to_its_end(evening: Evening) -> None:
    """What was asked of the systems is on record as done, and happened once."""
    assert evening.hung_up is RunStatus.CANCELLED
    assert evening.states["cancel_order"] is CallState.DONE
    assert evening.asked("cancel_order") == [{"order_id": CANCELLED.id, "reason": "changed_mind"}]
    assert [name for name in READS if evening.states.get(name) is CallState.DONE] == []


def test_what_waits_for_a_colleague_goes_to_the_follow_up(evening: Evening) -> None:
    """The request stays open, no money has moved, and the note of the contact says what is owed."""
    assert evening.states["refund_order"] is CallState.AWAITING_APPROVAL
    assert evening.asked("refund_order") == []
    [note] = evening.asked("crm_upsert_contact")
    assert "tell the customer what became of refund_order" in str(note["wrapup"])


def test_the_work_after_the_contact_is_done_once(evening: Evening) -> None:
    """The end of the contact was told twice."""
    assert (evening.noted, evening.follow_ups) == ([True, True], 1)


def test_a_caller_who_comes_back_soon_hears_where_the_contact_was(evening: Evening) -> None:
    """In one line; after more than ten minutes it is a contact like any other."""
    assert "We were cut off; done: cancel order; a colleague still decides on: refund order. " in evening.said
    assert evening.said_much_later == "Where were we?"
