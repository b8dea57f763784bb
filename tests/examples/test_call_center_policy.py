"""The desk's policy: pure rules over the records."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.examples.call_center import policy
from trunkline.examples.call_center.policy import Reason, Verdict
from trunkline.examples.call_center.records import LineId, Order, OrderStatus, Refund
from trunkline.examples.call_center.world import OPENING, generate_world

DELIVERED = next(order for order in generate_world().orders if order.status == "delivered" and not order.refunds)
EVERY_LINE = [line.id for line in DELIVERED.lines]
PAID = sum(line.cents for line in DELIVERED.lines)


def delivered(*, days_ago: int, refunded: int = 0) -> Order:
    refund = Refund(line_id=EVERY_LINE[0], cents=refunded, at=OPENING - timedelta(days=1))
    return replace(DELIVERED, delivered_at=OPENING - timedelta(days=days_ago), refunds=(refund,))


@given(days_ago=st.integers(0, 400), hour=st.integers(0, 23))
def test_the_return_window_is_thirty_calendar_days(days_ago: int, hour: int) -> None:
    """The hour of the delivery and of the question does not matter."""
    order = delivered(days_ago=days_ago)

    quote = policy.refund_quote(order, EVERY_LINE, now=OPENING.replace(hour=hour))

    assert quote.window_ok == (days_ago <= 30)


@given(refunded=st.integers(0, DELIVERED.lines[0].cents), cents=st.integers(1, 2 * PAID))
def test_never_more_is_paid_back_than_the_remainder(refunded: int, cents: int) -> None:
    """What exceeds the remainder is refused to everybody; no approval helps."""
    quote = policy.refund_quote(delivered(days_ago=3, refunded=refunded), EVERY_LINE, now=OPENING)

    ruling = policy.refund(quote, cents, recent=0)

    assert quote.max_cents == PAID - refunded
    assert (ruling.verdict is Verdict.REFUSED) == (cents > PAID - refunded)


@given(cents=st.integers(1, PAID), days_ago=st.integers(0, 60), recent=st.integers(0, 6))
def test_a_person_decides_on_large_late_and_frequent_refunds(cents: int, days_ago: int, recent: int) -> None:
    """Over 50.00, after 30 days, or with more than three in 90 days."""
    quote = policy.refund_quote(delivered(days_ago=days_ago), EVERY_LINE, now=OPENING)

    asked = policy.refund(quote, cents, recent=recent).verdict is Verdict.NEEDS_APPROVAL

    assert asked == (cents > 50_00 or days_ago > 30 or recent > 3)


@given(given_cents=st.integers(0, 80_00), cents=st.integers(1, 80_00))
def test_credit_has_a_yearly_cap_that_nobody_lifts(given_cents: int, cents: int) -> None:
    """Above 60.00 a year it is refused; above 20.00 at once a person decides."""
    expected = (
        Verdict.REFUSED if given_cents + cents > 60_00 else Verdict.NEEDS_APPROVAL if cents > 20_00 else Verdict.ALLOWED
    )

    assert policy.goodwill(cents, given=given_cents).verdict is expected


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("pending", Verdict.ALLOWED),
        ("picked", Verdict.NEEDS_APPROVAL),
        ("packed", Verdict.NEEDS_APPROVAL),
        ("shipped", Verdict.REFUSED),
        ("delivered", Verdict.REFUSED),
        ("cancelled", Verdict.REFUSED),
    ],
)
def test_the_warehouse_decides_until_the_parcel_has_left(status: OrderStatus, verdict: Verdict) -> None:
    """Pending is cancelled at once, picked and packed with approval, and nothing later."""
    assert policy.cancellation(status).verdict is verdict


@pytest.mark.parametrize(("changed_at", "verdict"), [(23, Verdict.NEEDS_APPROVAL), (24, Verdict.ALLOWED)])
def test_a_second_change_of_address_within_a_day_needs_a_person(changed_at: int, verdict: Verdict) -> None:
    """After 24 hours it is allowed again."""
    earlier: datetime = OPENING - timedelta(hours=changed_at)
    order = replace(DELIVERED, status="pending", address_changed_at=earlier)

    assert policy.address_change(order, now=OPENING).verdict is verdict


def test_a_line_that_the_order_does_not_have_is_refused() -> None:
    """The reason says so, and not that the money is gone."""
    quote = policy.refund_quote(delivered(days_ago=3), [LineId("L99")], now=OPENING)

    assert policy.refund(quote, 1, recent=0).reason is Reason.UNKNOWN_LINE
