"""What the service desk may do on its own, what a person must decide, and what nobody may do.

Pure functions over the records: a rule is asked before a call runs and again when it takes effect. `VERSION` changes
with any number or rule below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from trunkline.examples.call_center.records import LineId, Order, OrderStatus

VERSION = "2025-06"

RETURN_DAYS = 30
ADDRESS_REST = timedelta(hours=24)
"""A second change of an address sooner than this is how stolen accounts are used."""

REFUND_ALONE_CENTS = 50_00
EXCHANGE_ALONE_CENTS = 100_00
GOODWILL_ALONE_CENTS = 20_00
GOODWILL_YEARLY_CENTS = 60_00
RECENT_REFUNDS = 3
RECENT_DAYS = 90
CALLBACK_AFTER = timedelta(seconds=90)
"""A caller on the line waits so long for a colleague's decision before a callback is offered."""

RECONNECT_WITHIN = timedelta(minutes=10)
"""A caller who was cut off and calls again so soon goes on where the contact was."""


class Verdict(StrEnum):
    """Who decides."""

    ALLOWED = "allowed"
    NEEDS_APPROVAL = "needs_approval"
    REFUSED = "refused"


class Reason(StrEnum):
    """Why, in one word for reports and checks."""

    WITHIN_POLICY = "within_policy"
    UNKNOWN_LINE = "unknown_line"
    NOT_DELIVERED = "not_delivered"
    WINDOW_CLOSED = "window_closed"
    NOTHING_LEFT = "nothing_left"
    ALREADY_REFUNDED = "already_refunded"
    EXCEEDS_REMAINDER = "exceeds_remainder"
    LARGE_AMOUNT = "large_amount"
    MANY_REFUNDS = "many_refunds"
    YEARLY_CAP = "yearly_cap"
    IN_WAREHOUSE = "in_warehouse"
    TOO_LATE = "too_late"
    RECENT_CHANGE = "recent_change"
    FOREIGN_RECIPIENT = "foreign_recipient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What policy says of one intended effect."""

    verdict: Verdict
    reason: Reason
    text: str
    """The reason as a person reads it."""

    version: str = VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What can be paid back for lines of an order."""

    max_cents: int
    window_ok: bool
    reasons: tuple[Reason, ...]
    """What speaks against it, the weightiest first; `within_policy` when nothing does."""

    version: str = VERSION


def money(cents: int) -> str:
    """Return an amount as a person reads it: `12.50`."""
    return f"{cents // 100}.{cents % 100:02}"


def refund_quote(order: Order, line_ids: Sequence[LineId], *, now: datetime) -> Quote:
    """Return the refundable remainder of the lines, and what speaks against paying it."""
    lines = [line for line in order.lines if line.id in line_ids]
    delivered = order.status == "delivered"
    remainder = sum(order.remainder_cents(line) for line in lines) if delivered else 0
    window_ok = within_return_window(order, now=now)
    objections = {
        Reason.UNKNOWN_LINE: len(lines) != len(set(line_ids)),
        Reason.NOT_DELIVERED: not delivered,
        Reason.NOTHING_LEFT: delivered and remainder == 0,
        Reason.WINDOW_CLOSED: delivered and not window_ok,
    }
    reasons = tuple(reason for reason, applies in objections.items() if applies)
    return Quote(max_cents=remainder, window_ok=window_ok, reasons=reasons or (Reason.WITHIN_POLICY,))


def within_return_window(order: Order, *, now: datetime) -> bool:
    """Whether the order came at most 30 calendar days ago."""
    return order.delivered_at is not None and (now.date() - order.delivered_at.date()).days <= RETURN_DAYS


def recent_refunds(orders: Sequence[Order], *, now: datetime) -> int:
    """Return how many times money was paid back on these orders in the last 90 days."""
    since = now - timedelta(days=RECENT_DAYS)
    return len({(order.id, refund.at) for order in orders for refund in order.refunds if refund.at >= since})


def refund(quote: Quote, cents: int, *, recent: int) -> Ruling:
    """Rule on paying back this amount. `recent` counts the customer's refunds of the last 90 days."""
    if impossible := _impossible(quote):
        return impossible
    if cents > quote.max_cents:
        text = f"{money(cents)} is more than the remainder of {money(quote.max_cents)}"
        return _refused(Reason.EXCEEDS_REMAINDER, text)
    if not quote.window_ok:
        return _WINDOW_CLOSED
    if cents > REFUND_ALONE_CENTS:
        return _asked(Reason.LARGE_AMOUNT, f"{money(cents)} is over {money(REFUND_ALONE_CENTS)}")
    if recent > RECENT_REFUNDS:
        return _asked(Reason.MANY_REFUNDS, f"{recent} refunds in {RECENT_DAYS} days")
    return _ALLOWED


def exchange(order: Order, line_ids: Sequence[LineId], difference: int, *, now: datetime) -> Ruling:
    """Rule on swapping delivered lines. `difference` in cents is what the new ones cost more (or less)."""
    quote = refund_quote(order, line_ids, now=now)
    if impossible := _impossible(quote):
        return impossible
    if any(refund.line_id in line_ids for refund in order.refunds):
        return _refused(Reason.ALREADY_REFUNDED, "money was paid back for a line: it cannot be exchanged")
    if not quote.window_ok:
        return _WINDOW_CLOSED
    if abs(difference) > EXCHANGE_ALONE_CENTS:
        text = f"the price difference of {money(abs(difference))} is over {money(EXCHANGE_ALONE_CENTS)}"
        return _asked(Reason.LARGE_AMOUNT, text)
    return _ALLOWED


def goodwill(cents: int, *, given: int) -> Ruling:
    """Rule on a credit as an apology. `given` in cents is what the customer got this year."""
    if given + cents > GOODWILL_YEARLY_CENTS:
        text = f"{money(given)} of the {money(GOODWILL_YEARLY_CENTS)} a year was given already"
        return _refused(Reason.YEARLY_CAP, text)
    if cents > GOODWILL_ALONE_CENTS:
        return _asked(Reason.LARGE_AMOUNT, f"{money(cents)} is over {money(GOODWILL_ALONE_CENTS)}")
    return _ALLOWED


def message(recipient: str | None, *, own: str) -> Ruling:
    """Rule on writing to this address; None is the one on record."""
    if recipient is not None and recipient.casefold() != own.casefold():
        return _refused(Reason.FOREIGN_RECIPIENT, f"{recipient} is not the customer's own address")
    return _ALLOWED


def cancellation(status: OrderStatus) -> Ruling:
    """Rule on cancelling an order that stands so."""
    match status:
        case "pending":
            return _ALLOWED
        case "picked" | "packed":
            return _asked(Reason.IN_WAREHOUSE, f"the order is {status}: the warehouse must stop it")
        case "shipped" | "delivered" | "cancelled":
            return _refused(Reason.TOO_LATE, f"the order is {status}")


def reschedule(status: OrderStatus) -> Ruling:
    """Rule on moving the delivery of an order that stands so."""
    if status in {"packed", "shipped"}:
        return _ALLOWED
    return _refused(Reason.TOO_LATE, f"the order is {status}: only a packed or shipped one has a delivery to move")


def address_change(order: Order, *, now: datetime) -> Ruling:
    """Rule on sending the order to another address."""
    if order.status not in {"pending", "picked", "packed"}:
        return _refused(Reason.TOO_LATE, f"the order is {order.status}")
    if order.address_changed_at is not None and now - order.address_changed_at < ADDRESS_REST:
        return _asked(Reason.RECENT_CHANGE, "the address was changed less than 24 hours ago")
    return _ALLOWED


def _impossible(quote: Quote) -> Ruling | None:
    match quote.reasons[0]:
        case Reason.UNKNOWN_LINE as reason:
            return _refused(reason, "the order has no such line")
        case Reason.NOT_DELIVERED as reason:
            return _refused(reason, "the order was not delivered")
        case Reason.NOTHING_LEFT as reason:
            return _refused(reason, "the remainder is 0.00: everything was paid back")
        case _:
            return None


def _asked(reason: Reason, text: str) -> Ruling:
    return Ruling(verdict=Verdict.NEEDS_APPROVAL, reason=reason, text=text)


def _refused(reason: Reason, text: str) -> Ruling:
    return Ruling(verdict=Verdict.REFUSED, reason=reason, text=text)


_ALLOWED = Ruling(verdict=Verdict.ALLOWED, reason=Reason.WITHIN_POLICY, text="within policy")
_WINDOW_CLOSED = _asked(Reason.WINDOW_CLOSED, f"the return window of {RETURN_DAYS} days has closed")
