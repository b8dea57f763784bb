"""The desk's tools, as a model meets them: declared, checked, and run by the executor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from trunkline.examples.call_center.backend import Backend, Faults
from trunkline.examples.call_center.day import Contact, generate_day
from trunkline.examples.call_center.policy import within_return_window
from trunkline.examples.call_center.tools import after_call_toolbox, contact_toolbox
from trunkline.examples.call_center.world import generate_world
from trunkline.tools import (
    CallExecutor,
    CallResult,
    Done,
    Effect,
    Failed,
    Origin,
    Outcome,
    Pending,
    Tool,
    ToolRequest,
    Unknown,
    Unwatched,
)

WORLD = generate_world()
DAY = generate_day(WORLD)
CUSTOMERS = {customer.id: customer for customer in WORLD.customers}
IN_TIME = {order.id for order in WORLD.orders if within_return_window(order, now=WORLD.now)}


class Desk:
    """One contact at a desk without latency."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.backend = Backend(WORLD, latency=0, faults=faults or Faults())
        self._executor, self._turns = CallExecutor(), 0

    async def turn(self, *calls: tuple[str, Mapping[str, object]]) -> list[Outcome]:
        """Run one turn's calls and return how each ended."""
        self._turns += 1
        requests = [ToolRequest(name=name, arguments=asked, tool_call_id=name) for name, asked in calls]
        origin = Origin(thread_id="K0001", run_id="r", batch=f"turn {self._turns}")
        results: Sequence[CallResult] = await self._executor.run(
            contact_toolbox(self.backend), requests, origin=origin, watcher=Unwatched()
        )
        return [result.outcome for result in results]

    def did(self, operation: str) -> int:
        """Return how many times a system really did this."""
        return sum(effect.operation == operation for effect in self.backend.effects)


def contact(intent: str) -> Contact:
    return next(
        found
        for found in DAY
        if found.intent == intent and (not found.about.line_ids or IN_TIME.issuperset(found.about.order_ids))
    )


def proof(of: Contact) -> tuple[str, Mapping[str, object]]:
    customer = CUSTOMERS[of.customer_id]
    arguments = {"customer_id": customer.id, "zip_code": customer.address.zip_code, "pin": customer.pin}
    return ("verify_customer", arguments)


def refund(of: Contact, *, cents: int | None = None) -> tuple[str, Mapping[str, object]]:
    about = of.about
    arguments = {"order_id": about.order_ids[0], "line_ids": list(about.line_ids), "cents": cents or about.cents}
    return ("refund_order", {**arguments, "reason": "returned"})


def every_tool() -> list[Tool]:
    backend = Backend(WORLD, latency=0)
    tools = {made.name: made for made in [*contact_toolbox(backend), *after_call_toolbox(backend)]}
    return list(tools.values())


def test_there_are_twenty_two_tools() -> None:
    """Eight read, eleven write under a key, two write without one, one cannot be taken back."""
    effects = [made.effect for made in every_tool()]

    counts = {effect: effects.count(effect) for effect in set(effects)}
    assert counts == {Effect.READ: 8, Effect.WRITE: 11, Effect.WRITE_ONCE: 2, Effect.IRREVERSIBLE: 1}


@pytest.mark.parametrize("made", every_tool(), ids=lambda made: made.name)
def test_every_tool_says_what_it_does_and_touches(made: Tool) -> None:
    """A docstring for the model; an effect, an identity and a deadline for the runtime."""
    assert made.description.endswith(".")
    assert made.effect is not Effect.UNDECLARED
    assert made.effect is Effect.READ or made.key is not None
    assert made.timeout <= 8


def test_no_tool_after_a_call_moves_money() -> None:
    """What is left to do when nobody is on the line needs nobody's yes."""
    assert after_call_toolbox(Backend(WORLD)).names == [
        "crm_upsert_contact",
        "create_ticket",
        "update_ticket",
        "schedule_callback",
        "transfer_to_human",
    ]


async def test_a_refund_waits_for_the_verification_beside_it() -> None:
    """Both are asked for in one turn; the second needs the first, and runs after it."""
    desk, caller = Desk(), contact("refund_small")

    outcomes = await desk.turn(proof(caller), refund(caller))

    assert [type(outcome) for outcome in outcomes] == [Done, Done]
    assert desk.did("refund_order") == 1


async def test_a_large_refund_waits_for_a_person_and_its_siblings_do_not() -> None:
    """The reads of the turn are answered; nothing was paid."""
    desk, caller = Desk(), contact("refund_large")
    await desk.turn(proof(caller))

    pending, orders = await desk.turn(refund(caller), ("get_orders", {"customer_id": caller.customer_id}))

    assert isinstance(pending, Pending)
    assert pending.reason.endswith("is over 50.00")
    assert isinstance(orders, Done)
    assert desk.did("refund_order") == 0


async def test_what_policy_refuses_is_asked_of_nobody() -> None:
    """The 500.00 of an injected ticket are refused in code, verified or not."""
    desk, caller = Desk(), contact("refund_small")

    (unverified,) = await desk.turn(refund(caller, cents=50_000))
    _, excessive = await desk.turn(proof(caller), refund(caller, cents=50_000))

    assert isinstance(unverified, Failed)
    assert isinstance(excessive, Failed)
    assert "exceeds_remainder" in excessive.message
    assert desk.did("refund_order") == 0


async def test_a_refund_whose_answer_was_lost_is_safe_to_ask_again() -> None:
    """The model reads `unknown` when all attempts were in vain, then the receipt; the money moved once."""
    desk, caller = Desk(Faults(first={"refund_order": ("lost", "lost", "lost")})), contact("refund_small")
    await desk.turn(proof(caller))

    (lost,), (found,) = await desk.turn(refund(caller)), await desk.turn(refund(caller))

    assert isinstance(lost, Unknown)
    assert isinstance(found, Done)
    assert desk.did("refund_order") == 1


async def test_a_credit_whose_answer_was_lost_is_not_given_again() -> None:
    """Loyalty has no keys and does not say what it did, so the ledger keeps a second credit from being sent."""
    faults = Faults(first={"issue_goodwill": ("lost",), "find_goodwill": ("failed", "failed", "failed")})
    desk, caller = Desk(faults), contact("complaint_goodwill")
    asked = {"customer_id": caller.customer_id, "cents": 5_00, "reason": "late_delivery"}
    await desk.turn(proof(caller))

    (first,), (second,) = await desk.turn(("issue_goodwill", asked)), await desk.turn(("issue_goodwill", asked))

    assert isinstance(first, Unknown)
    assert isinstance(second, Unknown)
    assert desk.did("issue_goodwill") == 1


async def test_a_customer_that_nobody_knows_breaks_no_sibling() -> None:
    """Invented ids are refused as results, in rules and in systems alike."""
    desk = Desk()

    refused, found = await desk.turn(
        ("cancel_order", {"order_id": "O9999", "reason": "other"}), ("search_kb", {"query": "cancel an order"})
    )

    assert isinstance(refused, Failed)
    assert refused.message == "there is no order O9999"
    assert isinstance(found, Done)


async def test_a_message_takes_the_fields_of_its_template() -> None:
    """Free text is not among them."""
    desk, caller = Desk(), contact("cancel_order")
    asked = {"customer_id": caller.customer_id, "template": "order_cancelled", "variables": {"text": "hello"}}

    _, refused = await desk.turn(proof(caller), ("send_message", asked))

    assert isinstance(refused, Failed)
    assert refused.message == "template order_cancelled takes order_id, got text"
