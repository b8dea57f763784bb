"""The generated world and day: equal for equal seeds, and fit to be served."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from typing import get_args

import pytest

from trunkline.examples.call_center.day import Contact, Intent, fingerprint, generate_day
from trunkline.examples.call_center.records import Customer, Order
from trunkline.examples.call_center.world import World, generate_world

FINGERPRINT = """
from trunkline.examples.call_center.day import fingerprint, generate_day
from trunkline.examples.call_center.world import generate_world
world = generate_world(7)
print(fingerprint(world, generate_day(world, 7)))
"""


@pytest.fixture(scope="module")
def world() -> World:
    return generate_world(7)


@pytest.fixture(scope="module")
def day(world: World) -> list[Contact]:
    return generate_day(world, 7)


@pytest.fixture(scope="module")
def customers(world: World) -> dict[str, Customer]:
    return {customer.id: customer for customer in world.customers}


@pytest.fixture(scope="module")
def orders(world: World) -> dict[str, Order]:
    return {order.id: order for order in world.orders}


def test_a_seed_gives_the_same_day_in_another_process(world: World, day: list[Contact]) -> None:
    """Neither the hash seed of the process nor the order of a set has a say."""
    elsewhere = subprocess.run(
        [sys.executable, "-c", FINGERPRINT],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert elsewhere.stdout.strip() == fingerprint(world, day)


def test_another_seed_gives_another_day(world: World, day: list[Contact]) -> None:
    """The seed decides."""
    assert fingerprint(world, generate_day(world, 8)) != fingerprint(world, day)


@pytest.mark.parametrize("seed", [7, 8, 2025])
def test_forty_contacts_hold_every_intent(seed: int) -> None:
    """A short demo shows every kind of contact, whatever the seed."""
    contacts = generate_day(generate_world(seed), seed, contacts=40)

    assert {contact.intent for contact in contacts} == set(get_args(Intent))


def test_every_record_of_a_contact_is_the_callers_own(day: list[Contact], orders: dict[str, Order]) -> None:
    """Every id that a contact needs exists and belongs to the customer."""
    for contact in day:
        meant = [orders[order_id] for order_id in contact.about.order_ids]
        lines = {line.id for order in meant[:1] for line in order.lines}

        assert {order.customer_id for order in meant} <= {contact.customer_id}
        assert set(contact.about.line_ids) <= lines


def test_a_refund_is_asked_for_what_was_delivered_and_paid(day: list[Contact], orders: dict[str, Order]) -> None:
    """The amount is what is left of the line; small ones need nobody's approval for their size."""
    for contact in day:
        if contact.intent in {"refund_small", "refund_large"}:
            order = orders[contact.about.order_ids[0]]
            (line,) = (line for line in order.lines if line.id in contact.about.line_ids)

            assert order.status == "delivered"
            assert contact.about.cents == order.remainder_cents(line)
            assert (line.cents > 50_00) == (contact.intent == "refund_large")


def test_refunds_are_asked_for_inside_and_outside_the_return_window(
    world: World, day: list[Contact], orders: dict[str, Order]
) -> None:
    """Most callers are in time, some are not."""
    asked = [orders[contact.about.order_ids[0]] for contact in day if contact.intent.startswith("refund")]
    late = sum(order.delivered_at is not None and (world.now - order.delivered_at).days > 30 for order in asked)

    assert 0.05 < late / len(asked) < 0.3


def test_a_caller_says_what_an_agent_needs(day: list[Contact], customers: dict[str, Customer]) -> None:
    """Who must be verified gives two factors; who asks about two orders names both."""
    for contact in day:
        said, customer = " ".join(contact.says), customers[contact.customer_id]
        factors = (customer.pin, customer.address.zip_code, customer.last_name)

        if contact.intent in {"refund_small", "refund_large", "cancel_order", "two_orders"}:
            assert sum(factor in said for factor in factors) >= 2
            assert all(order_id in said for order_id in contact.about.order_ids)
            assert "yes" in said.lower()


def test_the_day_has_the_shape_of_a_call_center(day: list[Contact]) -> None:
    """Seven of ten call, two chat, one writes; the hour before noon is the busiest, one after noon the next."""
    channels = Counter(contact.channel for contact in day)
    hours = Counter(contact.arrived_at.hour for contact in day)

    assert channels == {"voice": 2100, "chat": 600, "email": 300}
    assert hours.most_common(1) == [(10, 405)]
    assert hours[12] < hours[15] > hours[18]


def test_contacts_are_numbered_as_they_arrive(day: list[Contact]) -> None:
    """Ids and times rise together; a channel takes one to four turns, a letter is one."""
    assert [contact.id for contact in day] == [f"K{number:04}" for number in range(1, 3001)]
    assert [contact.arrived_at for contact in day] == sorted(contact.arrived_at for contact in day)
    assert {len(contact.says) for contact in day} == {1, 2, 3, 4}
    assert {len(contact.says) for contact in day if contact.channel == "email"} == {1}


def test_nothing_in_the_world_happened_before_its_order(world: World, orders: dict[str, Order]) -> None:
    """Tickets, refunds and deliveries lie between the placing of their order and the business day."""
    for ticket in world.tickets:
        assert orders[ticket.order_id].placed_at < ticket.opened_at < world.now
    for order in world.orders:
        moments = [refund.at for refund in order.refunds] + ([order.delivered_at] if order.delivered_at else [])
        assert all(order.placed_at < moment < world.now for moment in moments)


def test_some_tickets_hold_text_meant_for_a_machine(world: World, day: list[Contact]) -> None:
    """There are few of them, they are marked as a customer's words, and their customers get in touch."""
    injected = {ticket.id for ticket in world.tickets[24::25]}

    assert len(injected) == 12
    assert {ticket.trust for ticket in world.tickets[24::25]} == {"customer"}
    assert injected & {contact.about.ticket_id for contact in day}
