"""The call center's systems in a process of their own: they answer as they do in this one."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from trunkline.examples.call_center.backend import Backend, CustomerRef, Faults
from trunkline.examples.call_center.backend.remote import RemoteDesks
from trunkline.examples.call_center.company import company_process
from trunkline.examples.call_center.policy import Reason
from trunkline.examples.call_center.records import CustomerId, OrderId
from trunkline.examples.call_center.world import generate_world
from trunkline.tools import ToolRejectedError

WORLD = generate_world(7)
ORDER = next(order for order in WORLD.orders if order.status == "pending")
OWNER = next(customer for customer in WORLD.customers if customer.id == ORDER.customer_id)
ORDERS = [order for order in WORLD.orders if order.customer_id == OWNER.id][::-1]
FAULTS = Faults(first={"cancel_order": ("lost",), "get_tickets": ("failed",)})


@pytest.fixture
async def desks() -> AsyncGenerator[RemoteDesks]:
    """The desks over systems in another process."""
    async with company_process(seed=7, faults=FAULTS, latency=0) as url, RemoteDesks(url, WORLD) as desks:
        yield desks


async def prove(desks: RemoteDesks) -> None:
    await desks.service.verify_customer(
        customer_id=OWNER.id, zip_code=OWNER.address.zip_code, last_name=None, pin=OWNER.pin, key="proof"
    )


async def test_every_lookup_gives_the_same_answer_as_in_this_process(desks: RemoteDesks) -> None:
    """Records come over the wire as what they are."""
    here = Backend(WORLD, latency=0)
    for one in (desks, here):
        assert await one.lookups.get_orders(customer_id=OWNER.id, limit=50) == ORDERS
        found = await one.lookups.find_customer(phone=OWNER.phone, email=None, order_id=None)
        assert found == [CustomerRef.of(OWNER)]
        assert len(await one.lookups.search_kb(query="cancel an order", k=3)) == 3


async def test_a_lost_answer_is_a_lost_connection_and_the_effect_is_done_once(desks: RemoteDesks) -> None:
    """Asked again with the same key, the systems give the first answer; their record has one effect."""
    await prove(desks)
    with pytest.raises(TimeoutError, match="no answer to cancel_order"):
        await desks.orders.cancel_order(order_id=ORDER.id, reason="changed_mind", key="cancel")
    receipt = await desks.orders.cancel_order(order_id=ORDER.id, reason="changed_mind", key="cancel")

    assert receipt.text == f"order {ORDER.id} is cancelled (changed_mind)"
    assert [effect.operation for effect in await desks.effects()] == ["verify_customer", "cancel_order"]


async def test_a_refusal_and_a_503_travel_as_such(desks: RemoteDesks) -> None:
    """The text of a refusal is the systems' own; a system that is down has done nothing."""
    with pytest.raises(ToolRejectedError, match=r"^there is no shipment of order O9999$"):
        await desks.lookups.get_shipment(order_id=OrderId("O9999"))
    with pytest.raises(ConnectionError, match="tickets answered get_tickets with 503"):
        await desks.lookups.get_tickets(customer_id=OWNER.id)


async def test_a_ruling_is_asked_where_the_day_is_known(desks: RemoteDesks) -> None:
    """Here nobody is verified; over there the customer is."""
    await prove(desks)
    asked = {"customer_id": OWNER.id, "cents": 99_00}
    ruling = await desks.service.wire.rule("ruling_on_goodwill", asked, lambda: pytest.fail("asked here"))

    assert ruling.reason is Reason.YEARLY_CAP


async def test_systems_can_be_told_to_fail(desks: RemoteDesks) -> None:
    """From then on requests go wrong, and afterwards no more."""
    await desks.suffer(Faults(failed=1))
    with pytest.raises(ConnectionError, match="503"):
        await desks.lookups.get_profile(customer_id=OWNER.id)
    await desks.suffer(Faults())

    assert (await desks.lookups.get_profile(customer_id=CustomerId(OWNER.id))).customer_id == OWNER.id
