"""The desk's toolboxes as subjects of a check: `trunkline check-effects examples/call_center/declarations.py:contact`.

Three customers are enough: one who has proved who they are, one who has not yet, and one who awaits nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

from trunkline import Toolbox
from trunkline.examples.call_center.backend import Backend
from trunkline.examples.call_center.canonical import canonical_json
from trunkline.examples.call_center.records import CustomerId
from trunkline.examples.call_center.tools import after_call_toolbox, contact_toolbox
from trunkline.examples.call_center.world import World, generate_world
from trunkline.tools import ToolRequest
from trunkline.tools.checking import Subject, ask

PROVEN, UNPROVEN, AWAITS_NOTHING = CustomerId("C0390"), CustomerId("C0065"), CustomerId("C0452")
PEOPLE = (PROVEN, UNPROVEN, AWAITS_NOTHING)
ELSEWHERE = {"street": "1 Elm Street", "city": "Boston", "state": "MA", "zip_code": "02108"}
NOON, EVENING = "2025-06-03T12:00:00Z", "2025-06-03T18:00:00Z"


def contact() -> Subject:
    """Return the tools of an agent on a contact."""
    return _subject(contact_toolbox, [*_lookups(), *_order_changes(), *_customer_changes(), *_follow_ups()])


def after_call() -> Subject:
    """Return the tools of the work after a contact."""
    return _subject(after_call_toolbox, [*_follow_ups(), *_wrapups()])


def _lookups() -> list[ToolRequest]:
    return [
        ask("find_customer", order_id="O0690"),
        ask("find_customer", phone="+13125550106"),
        ask("find_customer", email="noor.nguyen452@example.com"),
        ask("get_profile", customer_id=PROVEN),
        ask("get_profile", customer_id=UNPROVEN),
        ask("get_profile", customer_id=AWAITS_NOTHING),
        ask("get_contacts", customer_id=PROVEN),
        ask("get_orders", customer_id=PROVEN),
        ask("get_orders", customer_id=UNPROVEN),
        ask("get_shipment", order_id="O0690"),
        ask("get_tickets", customer_id=PROVEN),
        ask("search_kb", query="cancel an order"),
        ask("quote_refund", order_id="O0251", line_ids=["L1", "L2"]),
    ]


def _order_changes() -> list[ToolRequest]:
    delivered = {"order_id": "O0251", "line_ids": ["L2"]}
    return [
        ask("refund_order", **delivered, cents=24_900, reason="damaged"),
        ask("refund_order", order_id="O0251", line_ids=["L1"], cents=5_000, reason="late"),
        ask("exchange_items", **delivered, new_variants=["walnut"], payment_id="P0390-1"),
        ask("cancel_order", order_id="O0690", reason="too_slow"),
        ask("cancel_order", order_id="O0779", reason="changed_mind"),
        ask("reschedule_delivery", order_id="O0690", slot_id="2025-06-05-pm"),
        ask("reschedule_delivery", order_id="O0537", slot_id="2025-06-04-pm"),
        ask("update_address", order_id="O0690", address=ELSEWHERE),
        ask("update_address", order_id="O0779", address=ELSEWHERE),
    ]


def _customer_changes() -> list[ToolRequest]:
    moved = {"order_id": "O0690", "when": "Thursday"}
    return [
        ask("verify_customer", customer_id=UNPROVEN, zip_code="60659", pin="4788"),
        ask("verify_customer", customer_id=UNPROVEN, last_name="Hopper"),
        ask("issue_goodwill", customer_id=PROVEN, cents=500, reason="late_delivery"),
        ask("issue_goodwill", customer_id=PROVEN, cents=700, reason="poor_service"),
        ask("send_message", customer_id=PROVEN, template="delivery_moved", variables=moved),
        ask("send_message", customer_id=UNPROVEN, template="order_cancelled", variables={"order_id": "O0779"}),
        ask("close_account", customer_id=AWAITS_NOTHING),
    ]


def _follow_ups() -> list[ToolRequest]:
    brief = {"customer_id": PROVEN, "reason": "asked for a person", "summary": "two orders"}
    return [
        ask("create_ticket", customer_id=PROVEN, order_id="O0251", topic="damaged", body="a scratch"),
        ask("create_ticket", customer_id=PROVEN, order_id="O0690", topic="late", body="still packed"),
        ask("update_ticket", customer_id=PROVEN, ticket_id="T0133", status="waiting", note="asked the carrier"),
        ask("update_ticket", customer_id=PROVEN, ticket_id="T0133", status="closed", note="settled"),
        ask("schedule_callback", customer_id=PROVEN, at=NOON, topic="the scratch"),
        ask("schedule_callback", customer_id=AWAITS_NOTHING, at=EVENING, topic="the account"),
        ask("transfer_to_human", contact_id="K0001", queue="orders", brief=brief),
    ]


def _wrapups() -> list[ToolRequest]:
    wrapup = {"summary": "a refund", "disposition": "resolved"}
    noted = {"customer_id": PROVEN, "channel": "voice", "wrapup": wrapup}
    return [ask("crm_upsert_contact", contact_id=contact_id, **noted) for contact_id in ("K0001", "K0002")]


def _subject(toolbox: Callable[[Backend], Toolbox], calls: list[ToolRequest]) -> Subject:
    backend = Backend(_world(), latency=0)

    def morning() -> None:
        fresh = Backend(_world(), latency=0)
        for customer_id in (PROVEN, AWAITS_NOTHING):
            fresh.books.verify(fresh.books.customer(customer_id), [True, True])
        for system, begun in ((backend.books, fresh.books), (backend.wire, fresh.wire)):
            vars(system).update(vars(begun))

    morning()
    return Subject(toolbox=toolbox(backend), calls=calls, state=lambda: _state(backend), reset=morning)


@cache
def _world() -> World:
    """The generated world with no more than the three in it: a check makes it anew thousands of times."""
    world = generate_world()
    orders = tuple(order for order in world.orders if order.customer_id in PEOPLE)
    shipped = {order.id for order in orders}
    return replace(
        world,
        customers=tuple(customer for customer in world.customers if customer.id in PEOPLE),
        orders=orders,
        shipments=tuple(shipment for shipment in world.shipments if shipment.order_id in shipped),
        tickets=tuple(ticket for ticket in world.tickets if ticket.customer_id in PEOPLE),
        past_contacts=tuple(noted for noted in world.past_contacts if noted.customer_id in PEOPLE),
    )


def _state(backend: Backend) -> Mapping[str, object]:
    """What the systems hold, and what was really done, in whichever order."""
    books = backend.books
    return {
        "customers": books.customers,
        "verification": {customer_id: books.level(customer_id) for customer_id in PEOPLE},
        "orders": books.orders,
        "shipments": books.shipments,
        "tickets": books.tickets,
        "contacts": books.past_contacts,
        "effects": Counter(f"{done.operation} {canonical_json(done.arguments)}" for done in backend.effects),
    }
