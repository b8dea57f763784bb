"""The generated orders of Larkfield Home: placed by its customers in the weeks before the business day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from trunkline.examples.call_center.records import (
    Customer,
    Line,
    LineId,
    Order,
    OrderId,
    OrderStatus,
    Refund,
)
from trunkline.examples.call_center.world.catalogue import PRODUCTS, Product

_DAY = 24 * 60
_LATE_RETURN_SHARE = 0.15
"""Delivered orders whose return window has closed."""

_REFUNDED_SHARE = 0.06
_ADDRESS_CHANGED_SHARE = 0.08

_STATUS_WEIGHTS: dict[OrderStatus, int] = {
    "pending": 21,
    "picked": 9,
    "packed": 9,
    "shipped": 16,
    "delivered": 41,
    "cancelled": 4,
}

_AGE_IN_MINUTES: dict[OrderStatus, tuple[int, int]] = {
    "pending": (30, 2 * _DAY),
    "picked": (1 * _DAY, 3 * _DAY),
    "packed": (2 * _DAY, 4 * _DAY),
    "shipped": (3 * _DAY, 7 * _DAY),
    "cancelled": (5 * _DAY, 60 * _DAY),
}
"""How long ago an order that stands so was placed, at least and at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """How far an order has come, and when."""

    placed_at: datetime
    status: OrderStatus
    delivered_at: datetime | None = None


def generate_orders(customers: Sequence[Customer], *, count: int, now: datetime, rng: Random) -> tuple[Order, ...]:
    """Return so many orders, numbered in the order in which they were placed."""
    statuses = rng.choices(list(_STATUS_WEIGHTS), weights=list(_STATUS_WEIGHTS.values()), k=count)
    courses = sorted((_course(status, now, rng) for status in statuses), key=lambda course: course.placed_at)
    return tuple(_order(number, course, rng.choice(customers), now, rng) for number, course in enumerate(courses, 1))


def moment_between(start: datetime, end: datetime, rng: Random) -> datetime:
    """Return a moment well inside the span, to the second."""
    return (start + (end - start) * rng.uniform(0.1, 0.9)).replace(microsecond=0)


def _course(status: OrderStatus, now: datetime, rng: Random) -> _Course:
    if status == "delivered":
        days = rng.randrange(32, 76) if rng.random() < _LATE_RETURN_SHARE else rng.randrange(1, 29)
        delivered_at = now - timedelta(days=days, minutes=rng.randrange(-10 * 60, 0))
        placed_at = delivered_at - timedelta(minutes=rng.randrange(3 * _DAY, 8 * _DAY))
        return _Course(placed_at=placed_at, status=status, delivered_at=delivered_at)
    placed_at = now - timedelta(minutes=rng.randrange(*_AGE_IN_MINUTES[status]))
    return _Course(placed_at=placed_at, status=status)


def _order(number: int, course: _Course, customer: Customer, now: datetime, rng: Random) -> Order:
    products = rng.sample(PRODUCTS, rng.choice((1, 1, 2, 2, 3, 4)))
    lines = tuple(_line(position, product, rng) for position, product in enumerate(products, 1))
    return Order(
        id=OrderId(f"O{number:04}"),
        customer_id=customer.id,
        placed_at=course.placed_at,
        delivered_at=course.delivered_at,
        status=course.status,
        lines=lines,
        payment_id=rng.choice(customer.payment_ids),
        address=customer.address,
        address_changed_at=_address_change(course, now, rng),
        refunds=_refunds(course, lines, now, rng),
    )


def _line(position: int, product: Product, rng: Random) -> Line:
    variant = rng.choice(product.variants)
    quantity = rng.choice((1, 1, 1, 2)) if variant.cents < 50_00 else 1
    return Line(
        id=LineId(f"L{position}"),
        sku=variant.sku,
        product=product.name,
        variant=variant.name,
        quantity=quantity,
        cents=quantity * variant.cents,
    )


def _address_change(course: _Course, now: datetime, rng: Random) -> datetime | None:
    if rng.random() >= _ADDRESS_CHANGED_SHARE:
        return None
    return moment_between(course.placed_at, now, rng)


def _refunds(course: _Course, lines: Sequence[Line], now: datetime, rng: Random) -> tuple[Refund, ...]:
    if course.delivered_at is None or rng.random() >= _REFUNDED_SHARE:
        return ()
    line = rng.choice(lines)
    at = moment_between(course.delivered_at, now, rng)
    return (Refund(line_id=line.id, cents=line.cents, at=at),)
