"""The generated shipments: a parcel for each order that has left the shelf."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

from trunkline.examples.call_center.records import Order, Shipment, ShipmentEvent, Slot, SlotId
from trunkline.examples.call_center.world.stock import CARRIERS

_SLOTS_OFFERED = 4


def generate_shipments(orders: Sequence[Order], *, now: datetime, rng: Random) -> tuple[Shipment, ...]:
    """Return the shipments of the orders that are packed, on their way or delivered."""
    slots = delivery_slots(now)
    return tuple(
        _shipment(number, order, now, slots, rng)
        for number, order in enumerate(orders, 1)
        if order.status in {"packed", "shipped", "delivered"}
    )


def delivery_slots(now: datetime, *, days: int = 4) -> tuple[Slot, ...]:
    """Return the half days that carriers offer, from the day after tomorrow."""
    mornings = [now.replace(hour=8, minute=0) + timedelta(days=2 + offset) for offset in range(days)]
    return tuple(slot for morning in mornings for slot in _half_days(morning))


def _half_days(morning: datetime) -> Iterator[Slot]:
    for code, name, hours in (("am", "morning", 0), ("pm", "afternoon", 5)):
        yield Slot(
            id=SlotId(f"{morning.date().isoformat()}-{code}"),
            starts_at=morning + timedelta(hours=hours),
            label=f"{morning:%A} {morning.day} {morning:%B}, {name}",
        )


def _shipment(number: int, order: Order, now: datetime, slots: Sequence[Slot], rng: Random) -> Shipment:
    carrier = rng.choice(CARRIERS)
    offered = () if order.status == "delivered" else _offered(slots, rng)
    return Shipment(
        order_id=order.id,
        carrier=carrier,
        tracking_id=f"{carrier[:2].upper()}{number:05}{rng.randrange(1000):03}",
        eta=order.delivered_at or _eta(order, now, rng),
        events=_events(order, now, rng),
        slots=offered,
    )


def _offered(slots: Sequence[Slot], rng: Random) -> tuple[Slot, ...]:
    chosen = set(rng.sample(range(len(slots)), _SLOTS_OFFERED))
    return tuple(slot for position, slot in enumerate(slots) if position in chosen)


def _eta(order: Order, now: datetime, rng: Random) -> datetime:
    days = rng.randrange(1, 4) if order.status == "shipped" else rng.randrange(3, 6)
    return now.replace(hour=rng.randrange(9, 19), minute=0) + timedelta(days=days)


def _events(order: Order, now: datetime, rng: Random) -> tuple[ShipmentEvent, ...]:
    reports = [("Larkfield warehouse", "label printed")]
    if order.status != "packed":
        reports += [("Larkfield warehouse", "collected"), (f"{order.address.city} hub", "sorted")]
    if order.status == "delivered":
        reports += [(order.address.city, "out for delivery"), (order.address.city, "delivered")]
    last = order.delivered_at or now - timedelta(minutes=rng.randrange(30, 600))
    step = (last - order.placed_at) / (len(reports) + 1)
    first = last - step * (len(reports) - 1)
    return tuple(
        ShipmentEvent(at=(first + step * index).replace(microsecond=0), place=place, status=status)
        for index, (place, status) in enumerate(reports)
    )
