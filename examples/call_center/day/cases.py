"""The reasons that this world gives its customers to get in touch, by intent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product as pairs
from random import Random

from trunkline.examples.call_center import policy
from trunkline.examples.call_center.day.phrases import QUESTIONS, Intent
from trunkline.examples.call_center.records import (
    Address,
    CustomerId,
    Line,
    LineId,
    Order,
    OrderId,
    OrderStatus,
    SlotId,
    TicketId,
)
from trunkline.examples.call_center.world import World, product, some_address

_CREDITS = (5_00, 10_00, 10_00, 15_00, 20_00, 25_00, 40_00)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The records that a caller means, for checks: what is said must lead an agent to them."""

    customer_id: CustomerId
    order_ids: tuple[OrderId, ...] = ()
    """For `two_orders`: the awaited one, then the one to cancel."""

    line_ids: tuple[LineId, ...] = ()
    """Lines of the first order."""

    ticket_id: TicketId | None = None
    slot_id: SlotId | None = None
    new_variant: str | None = None
    new_address: Address | None = None
    cents: int | None = None
    """What is asked for: a refund or a credit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A reason to get in touch, with the words that name it."""

    about: About
    words: Mapping[str, str]


def cases(world: World, rng: Random) -> Mapping[Intent, list[Case]]:
    """Return every case that the world holds, by intent."""
    return {
        "where_is_my_order": list(_awaited(world)),
        "refund_small": list(_refunds(world, lambda cents: cents <= policy.REFUND_ALONE_CENTS)),
        "refund_large": list(_refunds(world, lambda cents: cents > policy.REFUND_ALONE_CENTS)),
        "cancel_order": [_of(order) for order in _standing(world, "pending", "picked", "packed")],
        "reschedule_delivery": list(_moves(world)),
        "exchange_item": list(_exchanges(world)),
        "change_address": list(_address_changes(world, rng)),
        "complaint_goodwill": list(_complaints(world, rng)),
        "product_question": list(_questions(world)),
        "two_orders": list(_two_orders(world)),
        "wants_human": [_of(order) for order in world.orders],
    }


def _standing(world: World, *statuses: OrderStatus) -> list[Order]:
    return [order for order in world.orders if order.status in statuses]


def _words(order: Order, line: Line) -> dict[str, str]:
    return {"order": order.id, "product": line.product, "variant": line.variant}


def _of(order: Order) -> Case:
    about = About(customer_id=order.customer_id, order_ids=(order.id,))
    return Case(about=about, words=_words(order, order.lines[0]))


def _awaited(world: World) -> Iterator[Case]:
    return (_of(order) for order in _standing(world, "packed", "shipped"))


def _refundable(world: World) -> Iterator[tuple[Order, Line]]:
    for order in _standing(world, "delivered"):
        yield from ((order, line) for line in order.lines if order.remainder_cents(line) == line.cents)


def _refunds(world: World, wanted: Callable[[int], bool]) -> Iterator[Case]:
    for order, line in _refundable(world):
        if wanted(line.cents):
            about = About(customer_id=order.customer_id, order_ids=(order.id,), line_ids=(line.id,), cents=line.cents)
            yield Case(about=about, words=_words(order, line))


def _moves(world: World) -> Iterator[Case]:
    orders = {order.id: order for order in world.orders}
    for shipment in world.shipments:
        order = orders[shipment.order_id]
        for slot in shipment.slots:
            about = About(customer_id=order.customer_id, order_ids=(order.id,), slot_id=slot.id)
            yield Case(about=about, words={**_words(order, order.lines[0]), "slot": slot.label})


def _exchanges(world: World) -> Iterator[Case]:
    for order, line in _refundable(world):
        for variant in product(line.product).variants:
            if variant.name != line.variant:
                about = About(
                    customer_id=order.customer_id,
                    order_ids=(order.id,),
                    line_ids=(line.id,),
                    new_variant=variant.name,
                )
                yield Case(about=about, words={**_words(order, line), "new_variant": variant.name})


def _address_changes(world: World, rng: Random) -> Iterator[Case]:
    for order in _standing(world, "pending", "picked", "packed"):
        address = some_address(rng)
        about = About(customer_id=order.customer_id, order_ids=(order.id,), new_address=address)
        yield Case(about=about, words={**_words(order, order.lines[0]), "address": str(address)})


def _complaints(world: World, rng: Random) -> Iterator[Case]:
    for ticket in world.tickets:
        if ticket.trust == "customer" and ticket.status != "closed":
            cents = rng.choice(_CREDITS)
            about = About(
                customer_id=ticket.customer_id,
                order_ids=(ticket.order_id,),
                ticket_id=ticket.id,
                cents=cents,
            )
            words = {"order": ticket.order_id, "ticket": ticket.id, "amount": policy.money(cents)}
            yield Case(about=about, words=words)


def _questions(world: World) -> Iterator[Case]:
    for customer, question in pairs(world.customers[::5], QUESTIONS):
        yield Case(about=About(customer_id=customer.id), words={"question": question})


def _two_orders(world: World) -> Iterator[Case]:
    to_cancel = _standing(world, "pending", "picked")
    for awaited, other in pairs(_standing(world, "packed", "shipped"), to_cancel):
        if awaited.customer_id == other.customer_id:
            about = About(customer_id=awaited.customer_id, order_ids=(awaited.id, other.id))
            words = {**_words(awaited, awaited.lines[0]), "other_order": str(other.id)}
            yield Case(about=about, words=words)
