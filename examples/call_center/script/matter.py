"""What a caller wants, and what it takes: look-ups, the change itself, and the words around it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from trunkline.agents import ScriptedCall, call
from trunkline.examples.call_center.policy import money
from trunkline.examples.call_center.script.reading import Reading

_ORDER = re.compile(r"\bO\d{4}\b")
_TICKET = re.compile(r"\bT\d{4}\b")
_AMOUNT = re.compile(r"credit of (\d+)\.(\d\d)")
_ADDRESS = re.compile(r"(\d+ [A-Z][^,]*), ([^,]+), ([A-Z]{2}) (\d{5})")
_VARIANT = re.compile(r": ([\w -]+) instead of|exchange it for ([\w -]+)\?|from [\w -]+? to ([\w -]+)\?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A call that changes something, with what is proposed before it and mailed after it."""

    call: ScriptedCall
    proposal: str
    message: ScriptedCall | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What a caller wants."""

    lookups: Sequence[ScriptedCall] = ()
    changes: Sequence[Change] = ()
    say: str
    """What is told of the look-ups, before any change."""

    proof: bool = field(default=True)
    """Whether the caller must prove who they are."""


def matter(reading: Reading) -> Matter:
    """Tell what the caller wants from the first thing they said."""
    opening = reading.opening.lower()
    found = next((read for words, read in _SIGNS if any(word in opening for word in words)), _question)
    return found(reading)


def _two_orders_or_cancel(reading: Reading) -> Matter:
    orders = _orders(reading)
    if len(orders) < 2:
        return _cancel(reading, orders[0])
    other = re.search(r"cancel (?:order )?(O\d{4})", reading.opening)
    cancelled = other.group(1) if other else orders[1]
    awaited = next(order for order in orders if order != cancelled)
    cancel, where = _cancel(reading, cancelled), _where(reading, awaited)
    return Matter(lookups=where.lookups, changes=cancel.changes, say=where.say)


def _cancel(reading: Reading, order_id: str) -> Matter:
    reason = "ordered_twice" if "twice" in reading.opening else "changed_mind"
    message = _message(reading, "order_cancelled", order_id=order_id)
    change = Change(
        call=call("cancel_order", order_id=order_id, reason=reason),
        proposal=f"I can cancel order {order_id}",
        message=message,
    )
    return Matter(changes=[change], say="")


def _refund(reading: Reading) -> Matter:
    [order_id] = _orders(reading)
    lookups = [call("search_kb", query="refund return window", k=2)]
    order = reading.order(order_id)
    if order is None:
        return Matter(lookups=[*lookups, call("get_orders", customer_id=reading.customer_id, limit=50)], say="")
    line = _line(reading, order)
    lookups.append(call("quote_refund", order_id=order_id, line_ids=[line["id"]]))
    reason = "damaged" if "damaged" in reading.opening else "returned"
    refund = call("refund_order", order_id=order_id, line_ids=[line["id"]], cents=line["cents"], reason=reason)
    change = Change(
        call=refund,
        proposal=f"I can refund {money(line['cents'])} for the {line['product']}",
        message=_message(reading, "refund_confirmed", order_id=order_id, amount=money(line["cents"])),
    )
    return Matter(lookups=lookups, changes=[change], say="")


def _reschedule(reading: Reading) -> Matter:
    [order_id] = _orders(reading)
    lookups = [call("get_shipment", order_id=order_id)]
    shipment: dict[str, Any] = reading.output("get_shipment") or {}
    slots: list[dict[str, str]] = shipment.get("slots", [])
    slot = next((slot for slot in slots if slot["label"] in reading.opening), None)
    if slot is None:
        return Matter(lookups=lookups, say="That half-day is not free with the carrier.")
    change = Change(
        call=call("reschedule_delivery", order_id=order_id, slot_id=slot["id"]),
        proposal=f"I can move the delivery to {slot['label']}",
        message=_message(reading, "delivery_moved", order_id=order_id, when=slot["label"]),
    )
    return Matter(lookups=lookups, changes=[change], say="")


def _exchange(reading: Reading) -> Matter:
    [order_id] = _orders(reading)
    order = reading.order(order_id)
    if order is None:
        return Matter(lookups=[call("get_orders", customer_id=reading.customer_id, limit=50)], say="")
    line = _line(reading, order)
    named = _VARIANT.search(reading.opening)
    variant = next((group for group in named.groups() if group), "") if named else ""
    exchange = call(
        "exchange_items",
        order_id=order_id,
        line_ids=[line["id"]],
        new_variants=[variant],
        payment_id=order["payment_id"],
    )
    change = Change(
        call=exchange,
        proposal=f"I can exchange the {line['product']} for one in {variant}",
        message=_message(reading, "exchange_booked", order_id=order_id, what=f"{line['product']} in {variant}"),
    )
    return Matter(lookups=[call("search_kb", query="exchange", k=2)], changes=[change], say="")


def _address(reading: Reading) -> Matter:
    [order_id] = _orders(reading)
    named = _ADDRESS.search(reading.opening)
    if named is None:
        return Matter(say="Which address should the order go to?", proof=False)
    street, city, state, zip_code = named.groups()
    address = {"street": street, "city": city, "state": state, "zip_code": zip_code}
    change = Change(
        call=call("update_address", order_id=order_id, address=address),
        proposal=f"I can send order {order_id} to {named.group(0)}",
        message=_message(reading, "address_changed", order_id=order_id, address=named.group(0)),
    )
    return Matter(changes=[change], say="")


def _goodwill(reading: Reading) -> Matter:
    amount = _AMOUNT.search(reading.opening)
    cents = int(amount.group(1)) * 100 + int(amount.group(2)) if amount else 10_00
    credit = call("issue_goodwill", customer_id=reading.customer_id, cents=cents, reason="poor_service")
    changes = [Change(call=credit, proposal=f"I am sorry. I can give you a credit of {money(cents)}")]
    if ticket := _TICKET.search(reading.opening):
        note = f"customer asked for a credit of {money(cents)}"
        arguments: dict[str, Any] = {"ticket_id": ticket.group(0), "status": "waiting", "note": note}
        update = call("update_ticket", customer_id=reading.customer_id, **arguments)
        changes.append(Change(call=update, proposal="note it on your ticket"))
    return Matter(lookups=[call("search_kb", query="goodwill complaint", k=2)], changes=changes, say="")


def _person(reading: Reading) -> Matter:
    del reading
    return Matter(
        say="I can help with most things right away. Shall I try, or would you rather have a colleague?", proof=False
    )


def _awaited(reading: Reading) -> Matter:
    return _where(reading, _orders(reading)[0])


def _where(reading: Reading, order_id: str) -> Matter:
    shipment = reading.output("get_shipment")
    say = f"Tracking for order {order_id} is not available at the moment."
    if shipment and shipment["order_id"] == order_id:
        last = shipment["events"][-1]
        place = f"{last['status']} at {last['place']}"
        say = f"Order {order_id} is with {shipment['carrier']} ({place}) and should arrive on {shipment['eta'][:10]}."
    return Matter(lookups=[call("get_shipment", order_id=order_id)], say=say, proof=False)


def _question(reading: Reading) -> Matter:
    articles: list[dict[str, str]] = reading.facts.get("search_kb") or []
    say = articles[0]["text"] if articles else "I do not know, and will have a colleague call you."
    return Matter(say=say, proof=False)


_SIGNS: Sequence[tuple[Sequence[str], Callable[[Reading], Matter]]] = (
    (["human", "real person", "speak to someone"], _person),
    (["complain", "complaint", "credit of"], _goodwill),
    (["cancel"], _two_orders_or_cancel),
    (["money back", "refund"], _refund),
    (["reschedule", "move the delivery"], _reschedule),
    (["exchange", "swap"], _exchange),
    (["i moved", "address"], _address),
    (["where is my", "waiting for order", "where my parcel", "still isn't here"], _awaited),
)


def _orders(reading: Reading) -> list[str]:
    return list(dict.fromkeys(_ORDER.findall(reading.opening))) or ["unknown"]


def _line(reading: Reading, order: Any) -> Any:
    return next((line for line in order["lines"] if line["product"] in reading.opening), order["lines"][0])


def _message(reading: Reading, template: str, **variables: str) -> ScriptedCall:
    return call("send_message", customer_id=reading.customer_id, template=template, variables=variables)
