"""Tools that change an order as a whole or the customer's address, and the hand-over to a person.

A key holds every argument: whoever asks again for the same gets the first result, whoever asks for something else meets
the policy. Changes of address have no key: going back to an earlier address is a new wish, not the old one again.
"""

from __future__ import annotations

from typing import TypedDict

from retail import orders, resources
from retail.pace import Pace
from retail.records import Address, Order
from retail.shop import Shop
from trunkline.tools import Tool, tool


class Residence(TypedDict):
    """A customer and the default address."""

    user_id: str
    address: Address


def order_tools(shop: Shop, pace: Pace) -> list[Tool]:
    """Return the tools that cancel, repay and redirect orders, move customers, and hand over."""
    return [*_payment_tools(shop, pace), *_address_tools(shop, pace), _hand_over(pace)]


def _payment_tools(shop: Shop, pace: Pace) -> list[Tool]:
    @tool(effect="write", key="cancel-order:{order_id}:{reason}", writes=resources.refunded(shop.records))
    async def cancel_pending_order(order_id: str, reason: str) -> Order:
        """Cancel a pending order; the reason is 'no longer needed' or 'ordered by mistake'."""
        change = orders.cancel(shop, order_id, reason)
        await pace.wait("cancel_pending_order", order_id=order_id, reason=reason)
        return shop.write_order(change)

    @tool(effect="write", key="change-payment:{order_id}:{payment_method_id}", writes=resources.repaid(shop.records))
    async def modify_pending_order_payment(order_id: str, payment_method_id: str) -> Order:
        """Pay a pending order by another of the customer's payment methods."""
        change = orders.repay(shop, order_id, payment_method_id)
        await pace.wait("modify_pending_order_payment", order_id=order_id, payment_method_id=payment_method_id)
        return shop.write_order(change)

    return [cancel_pending_order, modify_pending_order_payment]


def _address_tools(shop: Shop, pace: Pace) -> list[Tool]:
    @tool(effect="write_once", writes=resources.one_order)
    async def modify_pending_order_address(
        order_id: str,
        address1: str,
        address2: str,
        city: str,
        state: str,
        country: str,
        zip: str,  # noqa: A002 - the benchmark's name
    ) -> Order:
        """Send a pending order to another address."""
        address = Address(address1=address1, address2=address2, city=city, state=state, country=country, zip=zip)
        change = orders.redirect(shop, order_id, address)
        await pace.wait("modify_pending_order_address", order_id=order_id, **address)
        return shop.write_order(change)

    @tool(effect="write_once", writes=resources.one_address)
    async def modify_user_address(
        user_id: str,
        address1: str,
        address2: str,
        city: str,
        state: str,
        country: str,
        zip: str,  # noqa: A002 - the benchmark's name
    ) -> Residence:
        """Change a customer's default address."""
        address = Address(address1=address1, address2=address2, city=city, state=state, country=country, zip=zip)
        shop.address(user_id)
        await pace.wait("modify_user_address", user_id=user_id, **address)
        shop.write_address(user_id, address)
        return {"user_id": user_id, "address": address}

    return [modify_pending_order_address, modify_user_address]


def _hand_over(pace: Pace) -> Tool:
    # It names nothing that it writes, and so runs alone: whoever takes over finds all earlier calls finished.
    @tool(effect="write_once")
    async def transfer_to_human_agents(summary: str) -> str:
        """Hand the conversation over to a person, with a summary of what the customer wants."""
        await pace.wait("transfer_to_human_agents", summary=summary)
        return "transfer successful"

    return transfer_to_human_agents
