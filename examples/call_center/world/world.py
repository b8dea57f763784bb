"""The generated world of Larkfield Home on the morning of the business day: equal for equal seeds, in any process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from trunkline.examples.call_center.records import (
    Address,
    Article,
    Channel,
    ContactId,
    Customer,
    CustomerId,
    Order,
    PastContact,
    PaymentId,
    Shipment,
    Ticket,
    TicketId,
    Tier,
)
from trunkline.examples.call_center.world.knowledge import ARTICLES
from trunkline.examples.call_center.world.orders import generate_orders, moment_between
from trunkline.examples.call_center.world.shipments import generate_shipments
from trunkline.examples.call_center.world.stock import (
    CITIES,
    FIRST_NAMES,
    INJECTED_BODIES,
    LAST_NAMES,
    PAST_SUMMARIES,
    STAFF_NOTES,
    STREETS,
    TICKET_BODIES,
)

DEFAULT_SEED = 7
BUSINESS_DAY = datetime(2025, 6, 2, tzinfo=UTC)
OPENING = BUSINESS_DAY + timedelta(hours=6)
"""The world's present. It stands still while the day is served, so that no answer depends on when it is asked."""

CUSTOMERS = 500
ORDERS = 960
TICKETS = 300
PAST_CONTACTS = 700
INJECTED_EVERY = 25
"""One ticket in so many was written for a machine to obey."""

_TIERS: tuple[Tier, ...] = ("standard", "standard", "standard", "standard", "standard", "plus", "plus", "gold")
_CHANNELS: tuple[Channel, ...] = ("voice", "voice", "chat", "email", "email")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that the company's systems hold when the day begins."""

    seed: int
    now: datetime
    customers: tuple[Customer, ...]
    orders: tuple[Order, ...]
    shipments: tuple[Shipment, ...]
    tickets: tuple[Ticket, ...]
    articles: tuple[Article, ...]
    past_contacts: tuple[PastContact, ...]


def generate_world(seed: int = DEFAULT_SEED) -> World:
    """Return the world that this seed gives."""
    customers = tuple(_customer(number, Random(f"{seed}:customer:{number}")) for number in range(CUSTOMERS))
    orders = generate_orders(customers, count=ORDERS, now=OPENING, rng=Random(f"{seed}:orders"))
    return World(
        seed=seed,
        now=OPENING,
        customers=customers,
        orders=orders,
        shipments=generate_shipments(orders, now=OPENING, rng=Random(f"{seed}:shipments")),
        tickets=_tickets(orders, Random(f"{seed}:tickets")),
        articles=ARTICLES,
        past_contacts=_past_contacts(orders, Random(f"{seed}:past")),
    )


def some_address(rng: Random) -> Address:
    """Return an address that looks real."""
    city, state, zip_prefix, _ = rng.choice(CITIES)
    return _address_in(city, state, zip_prefix, rng)


def _address_in(city: str, state: str, zip_prefix: str, rng: Random) -> Address:
    street = f"{rng.randrange(2, 980)} {rng.choice(STREETS)}"
    return Address(street=street, city=city, state=state, zip_code=f"{zip_prefix}{rng.randrange(1, 100):02}")


def _customer(number: int, rng: Random) -> Customer:
    city, state, zip_prefix, area_code = CITIES[number % len(CITIES)]
    first_name, last_name = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    cards = range(1, rng.choice((1, 1, 2)) + 1)
    return Customer(
        id=CustomerId(f"C{number + 1:04}"),
        first_name=first_name,
        last_name=last_name,
        email=f"{first_name}.{last_name}{number + 1}@example.com".lower(),
        phone=f"+1{area_code}555{100 + number // len(CITIES):04}",
        address=_address_in(city, state, zip_prefix, rng),
        tier=rng.choice(_TIERS),
        pin=f"{rng.randrange(10_000):04}",
        payment_ids=tuple(PaymentId(f"P{number + 1:04}-{card}") for card in cards),
        recording_consent=rng.random() < 0.9,
        goodwill_ytd_cents=rng.choice((0, 0, 0, 0, 0, 10_00, 15_00, 20_00, 45_00)),
    )


def _tickets(orders: Sequence[Order], rng: Random) -> tuple[Ticket, ...]:
    return tuple(
        _ticket(number, at, order, rng) for number, (at, order) in enumerate(_occasions(orders, TICKETS, rng), 1)
    )


def _ticket(number: int, opened_at: datetime, order: Order, rng: Random) -> Ticket:
    injected = number % INJECTED_EVERY == 0
    by_staff = not injected and rng.random() < 0.2
    body = rng.choice(INJECTED_BODIES if injected else STAFF_NOTES if by_staff else TICKET_BODIES)
    return Ticket(
        id=TicketId(f"T{number:04}"),
        customer_id=order.customer_id,
        order_id=order.id,
        channel=rng.choice(_CHANNELS),
        status="open" if injected else rng.choice(("open", "open", "waiting", "closed")),
        opened_at=opened_at,
        body=body.format_map(_named(order, rng)),
        trust="staff" if by_staff else "customer",
    )


def _past_contacts(orders: Sequence[Order], rng: Random) -> tuple[PastContact, ...]:
    return tuple(
        _past_contact(number, at, order, rng)
        for number, (at, order) in enumerate(_occasions(orders, PAST_CONTACTS, rng), 1)
    )


def _past_contact(number: int, ended_at: datetime, order: Order, rng: Random) -> PastContact:
    return PastContact(
        id=ContactId(f"H{number:04}"),
        customer_id=order.customer_id,
        channel=rng.choice(_CHANNELS),
        ended_at=ended_at,
        summary=rng.choice(PAST_SUMMARIES).format_map(_named(order, rng)),
    )


def _occasions(orders: Sequence[Order], count: int, rng: Random) -> list[tuple[datetime, Order]]:
    """Return so many moments in the life of an order, the earliest first."""
    moments = ((moment_between(order.placed_at, OPENING, rng), order) for order in rng.choices(orders, k=count))
    return sorted(moments, key=lambda moment: moment[0])


def _named(order: Order, rng: Random) -> Mapping[str, str]:
    return {"order": order.id, "product": rng.choice(order.lines).product}
