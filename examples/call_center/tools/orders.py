"""The tools that change orders."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trunkline import tool
from trunkline.examples.call_center.backend import OrderDesk, Receipt
from trunkline.examples.call_center.records import Address, PaymentId, SlotId
from trunkline.examples.call_center.tools.declaring import (
    EFFECT_TIMEOUT,
    Cents,
    Lines,
    Order,
    allowed,
    if_policy_asks,
    own_key,
    proof_of_owner,
    ruled_by,
)
from trunkline.tools import Tool, untrusted

RefundReason = Literal["returned", "damaged", "missing", "late", "not_as_described", "other"]
CancelReason = Literal["changed_mind", "ordered_twice", "too_slow", "found_elsewhere", "other"]
Slot = Annotated[SlotId, Field(description="id of one of the shipment's slots, like 2025-06-05-am")]
Variants = Annotated[list[str], Field(min_length=1, description="the new variant of each line, like walnut")]
Payment = Annotated[PaymentId, Field(description="id of one of the customer's payment methods")]


def order_tools(desk: OrderDesk) -> list[Tool]:
    """Return the changes to orders. Policy decides in code which of them a person must approve."""
    proof = proof_of_owner(desk.books)

    on_refund = ruled_by(desk.wire, desk.ruling_on_refund, "order_id", "line_ids", "cents")
    on_cancel = ruled_by(desk.wire, desk.ruling_on_cancellation, "order_id")
    on_exchange = ruled_by(desk.wire, desk.ruling_on_exchange, "order_id", "line_ids", "new_variants")
    on_address = ruled_by(desk.wire, desk.ruling_on_address, "order_id")

    @tool(
        effect="write",
        key="reinstate:{order_id}",
        writes=["order:{order_id}", "shipment:{order_id}"],
        timeout=EFFECT_TIMEOUT,
    )
    async def reinstate_order(order_id: Order) -> Receipt:
        """Take the cancellation of an order back. No agent has this tool: the desk undoes with it."""
        return await desk.reinstate_order(order_id=order_id, key=own_key())

    @tool(
        effect="write",
        key="refund:{order_id}:{line_ids}",
        reads=proof,
        writes="order:{order_id}",
        requires=allowed(on_refund),
        confirm=untrusted("cents"),
        approve=if_policy_asks(on_refund),
        timeout=EFFECT_TIMEOUT,
    )
    async def refund_order(order_id: Order, line_ids: Lines, cents: Cents, reason: RefundReason) -> Receipt:
        """Pay money back for delivered lines. The customer must be verified to level 2 and have agreed."""
        return await desk.refund_order(order_id=order_id, line_ids=line_ids, cents=cents, reason=reason, key=own_key())

    @tool(
        effect="write",
        key="cancel:{order_id}",
        reads=proof,
        writes=["order:{order_id}", "shipment:{order_id}"],
        requires=allowed(on_cancel),
        approve=if_policy_asks(on_cancel),
        compensate=reinstate_order,
        timeout=EFFECT_TIMEOUT,
    )
    async def cancel_order(order_id: Order, reason: CancelReason) -> Receipt:
        """Cancel an order that was not shipped. The customer must be verified to level 2 and have agreed."""
        return await desk.cancel_order(order_id=order_id, reason=reason, key=own_key())

    @tool(
        effect="write",
        key="reschedule:{order_id}:{slot_id}",
        reads=proof,
        writes="shipment:{order_id}",
        timeout=EFFECT_TIMEOUT,
    )
    async def reschedule_delivery(order_id: Order, slot_id: Slot) -> Receipt:
        """Move a delivery to a slot of its shipment. The customer must be verified to level 1."""
        return await desk.reschedule_delivery(order_id=order_id, slot_id=slot_id, key=own_key())

    @tool(
        effect="write",
        key="exchange:{order_id}:{line_ids}:{new_variants}",
        reads=proof,
        writes="order:{order_id}",
        requires=allowed(on_exchange),
        approve=if_policy_asks(on_exchange),
        timeout=EFFECT_TIMEOUT,
    )
    async def exchange_items(order_id: Order, line_ids: Lines, new_variants: Variants, payment_id: Payment) -> Receipt:
        """Swap delivered lines for other variants of the same products; the difference is charged or paid back."""
        return await desk.exchange_items(
            order_id=order_id,
            line_ids=line_ids,
            new_variants=new_variants,
            payment_id=payment_id,
            key=own_key(),
        )

    @tool(
        effect="write",
        key="address:{order_id}:{address}",
        reads=proof,
        writes=["order:{order_id}", "shipment:{order_id}"],
        requires=allowed(on_address),
        confirm=untrusted("address"),
        approve=if_policy_asks(on_address),
        timeout=EFFECT_TIMEOUT,
    )
    async def update_address(order_id: Order, address: Address) -> Receipt:
        """Send an order that was not shipped elsewhere. The customer must be verified to level 2."""
        return await desk.update_address(order_id=order_id, address=address, key=own_key())

    return [refund_order, cancel_order, reschedule_delivery, exchange_items, update_address]
