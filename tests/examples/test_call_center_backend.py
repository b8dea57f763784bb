"""The company's systems: flaky by the seed, faithful by the key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random

import pytest

from trunkline.examples.call_center.backend import CALM, ROUGH, Backend, Faults, Receipt
from trunkline.examples.call_center.day import About, generate_day
from trunkline.examples.call_center.policy import within_return_window
from trunkline.examples.call_center.records import CustomerId
from trunkline.examples.call_center.world import generate_world
from trunkline.tools import ToolRejectedError

WORLD = generate_world()
IN_TIME = {order.id for order in WORLD.orders if within_return_window(order, now=WORLD.now)}
REFUND = next(
    contact.about
    for contact in generate_day(WORLD)
    if contact.intent == "refund_small" and IN_TIME.issuperset(contact.about.order_ids)
)
CUSTOMER = next(customer for customer in WORLD.customers if customer.goodwill_ytd_cents == 0)


def backend(faults: Faults = CALM) -> Backend:
    return Backend(WORLD, latency=0, faults=faults)


async def verified(made: Backend, customer_id: CustomerId = REFUND.customer_id) -> Backend:
    customer = made.books.customer(customer_id)
    await made.service.verify_customer(
        customer_id=customer_id, zip_code=None, last_name=customer.last_name, pin=customer.pin, key="verify"
    )
    return made


async def refund(made: Backend, about: About = REFUND, *, cents: int | None = None, key: str = "r1") -> Receipt:
    amount = cents or about.cents or 0
    return await made.orders.refund_order(
        order_id=about.order_ids[0], line_ids=about.line_ids, cents=amount, reason="damaged", key=key
    )


def paid(made: Backend) -> list[int]:
    return [effect.cents for effect in made.effects if effect.operation == "refund_order"]


async def test_a_lost_answer_is_asked_for_again_under_the_same_key_and_paid_once() -> None:
    """The second request gets the answer that was lost."""
    made = await verified(backend(Faults(first={"refund_order": ("lost",)})))
    with pytest.raises(TimeoutError, match="gave no answer"):
        await refund(made)

    receipt = await refund(made)

    assert receipt.cents == REFUND.cents
    assert paid(made) == [REFUND.cents]


async def test_a_request_that_failed_changed_nothing() -> None:
    """A system that answers 503 did not do what it was asked."""
    made = await verified(backend(Faults(first={"refund_order": ("failed",)})))
    with pytest.raises(ConnectionError, match="503"):
        await refund(made)

    assert paid(made) == []


async def test_a_key_is_bound_to_its_arguments() -> None:
    """Another amount under the same key is refused, and nothing is paid."""
    made = await verified(backend())
    await refund(made, cents=100)

    with pytest.raises(ToolRejectedError, match="other arguments"):
        await refund(made, cents=200)
    assert paid(made) == [100]


async def test_the_remainder_is_checked_when_the_money_moves() -> None:
    """An order that was refunded by somebody else meanwhile is not refunded again."""
    made = await verified(backend())
    await refund(made, key="somebody else")

    with pytest.raises(ToolRejectedError, match="nothing_left"):
        await refund(made, key="r1")
    assert paid(made) == [REFUND.cents]


async def test_loyalty_knows_no_keys_and_gives_credit_each_time() -> None:
    """A caller of the old system must not ask again after a lost answer."""
    made = await verified(backend(Faults(first={"issue_goodwill": ("lost",)})), CUSTOMER.id)
    with pytest.raises(TimeoutError):
        await made.service.issue_goodwill(customer_id=CUSTOMER.id, cents=10_00, reason="late_delivery")
    await made.service.issue_goodwill(customer_id=CUSTOMER.id, cents=10_00, reason="late_delivery")

    assert [(effect.key, effect.cents) for effect in made.effects[1:]] == [(None, 10_00), (None, 10_00)]


async def test_nobody_gets_money_unverified() -> None:
    """One factor is not enough either."""
    made = backend()
    last_name = made.books.customer(REFUND.customer_id).last_name
    await made.service.verify_customer(
        customer_id=REFUND.customer_id, zip_code=None, last_name=last_name, pin=None, key="v"
    )

    with pytest.raises(ToolRejectedError, match="not verified to level 2"):
        await refund(made)


async def test_three_failures_lock_a_customer() -> None:
    """The right answer comes too late."""
    made = backend()
    for guess in ("one", "two", "three"):
        wrong = {"zip_code": None, "last_name": guess, "pin": None}
        await made.service.verify_customer(customer_id=CUSTOMER.id, **wrong, key=guess)

    with pytest.raises(ToolRejectedError, match="locked"):
        await verified(made, CUSTOMER.id)


async def luck_of(requests: Sequence[Callable[[Backend], Awaitable[object]]]) -> list[str]:
    made = backend(Faults(failed=0.2, lost=0.2))
    answers = await asyncio.gather(*(request(made) for request in requests), return_exceptions=True)
    return sorted(f"{type(answer).__name__} {answer}" for answer in answers)


async def test_luck_does_not_depend_on_the_order_of_the_requests() -> None:
    """Any interleaving of the same requests meets the same failures, repeats included."""

    def profile_of(customer_id: CustomerId) -> Callable[[Backend], Awaitable[object]]:
        return lambda made: made.lookups.get_profile(customer_id=customer_id)

    requests = [profile_of(customer.id) for customer in WORLD.customers[:60]] * 3
    shuffled = Random(1).sample(requests, len(requests))

    assert await luck_of(requests) == await luck_of(shuffled)


async def test_things_go_wrong_at_about_the_set_rate() -> None:
    """Rough weather loses a few requests in a hundred, not none and not most."""
    made = backend(ROUGH)
    reads = (made.lookups.get_orders(customer_id=customer.id, limit=5) for customer in WORLD.customers)
    answers = await asyncio.gather(*reads, return_exceptions=True)

    assert 3 <= sum(isinstance(answer, ConnectionError) for answer in answers) <= 25
    assert 1 <= sum(isinstance(answer, TimeoutError) for answer in answers) <= 15


async def test_the_crm_works_on_five_requests_at_once() -> None:
    """The sixth waits for a connection; other systems take what comes."""
    made = backend()
    customers = WORLD.customers[:30]
    async with asyncio.TaskGroup() as group:
        for customer in customers:
            group.create_task(made.lookups.get_profile(customer_id=customer.id))
            group.create_task(made.lookups.get_orders(customer_id=customer.id, limit=5))

    assert made.peaks == {"crm": 5, "orders": 30}


async def test_the_knowledge_base_answers_with_the_version_in_force() -> None:
    """Neither last year's return window nor next month's."""
    (article, *_) = await backend().lookups.search_kb(query="return window", k=1)

    assert (article.title, article.version) == ("Return window", 2)
