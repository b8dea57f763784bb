"""What the desk can do to orders. Policy is asked again here, at the moment of the effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from trunkline.examples.call_center import policy
from trunkline.examples.call_center.backend.answers import Receipt, receipt
from trunkline.examples.call_center.backend.books import Books, permit
from trunkline.examples.call_center.backend.wire import Carrier, remote
from trunkline.examples.call_center.policy import Ruling, money
from trunkline.examples.call_center.records import (
    Address,
    Line,
    LineId,
    Order,
    OrderId,
    PaymentId,
    Refund,
    SlotId,
)
from trunkline.examples.call_center.world import product
from trunkline.tools import ToolRejectedError


@dataclass(frozen=True, slots=True)
class OrderDesk:
    """Changes to orders, each with an idempotency key. Each `ruling_on_…` tells beforehand what policy says."""

    wire: Carrier
    books: Books

    @remote("payments", changes=True)
    def refund_order(
        self, *, order_id: OrderId, line_ids: Sequence[LineId], cents: int, reason: str, key: str
    ) -> Receipt:
        """Pay money back for lines of a delivered order, to the payment method of the order."""
        permit(self.ruling_on_refund(order_id, line_ids, cents))
        order = self.books.order(order_id)
        paid = tuple(self._paid_back(order, line_ids, cents))
        self.books.orders[order_id] = replace(order, refunds=order.refunds + paid)
        text = f"{money(cents)} for {', '.join(line_ids)} of {order_id} paid back to {order.payment_id} ({reason})"
        return receipt("RF", key, text, cents=cents)

    @remote("orders", changes=True)
    def cancel_order(self, *, order_id: OrderId, reason: str, key: str) -> Receipt:
        """Cancel an order that was not shipped; nothing was charged for it yet."""
        permit(self.ruling_on_cancellation(order_id))
        self.books.set_aside(order_id)
        self.books.orders[order_id] = replace(self.books.order(order_id), status="cancelled")
        self.books.shipments.pop(order_id, None)
        return receipt("CN", key, f"order {order_id} is cancelled ({reason})")

    @remote("orders", changes=True)
    def reinstate_order(self, *, order_id: OrderId, key: str) -> Receipt:
        """Take a cancellation back: the order, and its parcel, are as before."""
        self.books.take_back(order_id)
        return receipt("RI", key, f"order {order_id} is not cancelled any more")

    @remote("shipping", changes=True)
    def reschedule_delivery(self, *, order_id: OrderId, slot_id: SlotId, key: str) -> Receipt:
        """Move the delivery to one of the shipment's slots."""
        order, shipment = self._verified(order_id, level=1), self.books.shipment(order_id)
        permit(policy.reschedule(order.status))
        slot = next((slot for slot in shipment.slots if slot.id == slot_id), None)
        if slot is None:
            offered = ", ".join(slot.id for slot in shipment.slots)
            message = f"the carrier does not deliver order {order_id} in slot {slot_id}; it offers {offered}"
            raise ToolRejectedError(message)
        self.books.shipments[order_id] = replace(shipment, eta=slot.starts_at)
        return receipt("RS", key, f"order {order_id} now comes on {slot.label}")

    @remote("orders", changes=True)
    def exchange_items(
        self,
        *,
        order_id: OrderId,
        line_ids: Sequence[LineId],
        new_variants: Sequence[str],
        payment_id: PaymentId,
        key: str,
    ) -> Receipt:
        """Swap delivered lines for other variants; the difference in price is charged or paid back."""
        permit(self.ruling_on_exchange(order_id, line_ids, new_variants))
        order = self.books.order(order_id)
        self._require_payment(order, payment_id)
        swaps = self._swaps(order, line_ids, new_variants)
        lines = tuple(swaps.get(line.id, line) for line in order.lines)
        difference = _total(lines) - _total(order.lines)
        self.books.orders[order_id] = replace(order, lines=lines)
        text = f"{', '.join(line_ids)} of {order_id} exchanged for {', '.join(new_variants)}, via {payment_id}"
        return receipt("EX", key, text, cents=-difference)

    @remote("orders", changes=True)
    def update_address(self, *, order_id: OrderId, address: Address, key: str) -> Receipt:
        """Send an order that was not shipped to another address."""
        permit(self.ruling_on_address(order_id))
        order = self.books.order(order_id)
        self.books.orders[order_id] = replace(order, address=address, address_changed_at=self.books.now)
        return receipt("AD", key, f"order {order_id} goes to {address}")

    def ruling_on_refund(self, order_id: OrderId, line_ids: Sequence[LineId], cents: int) -> Ruling:
        """Return what policy says of paying this amount back now."""
        order, now = self._verified(order_id), self.books.now
        recent = policy.recent_refunds(self.books.orders_of(order.customer_id), now=now)
        return policy.refund(policy.refund_quote(order, line_ids, now=now), cents, recent=recent)

    def ruling_on_cancellation(self, order_id: OrderId) -> Ruling:
        """Return what policy says of cancelling the order now."""
        return policy.cancellation(self._verified(order_id).status)

    def ruling_on_exchange(self, order_id: OrderId, line_ids: Sequence[LineId], new_variants: Sequence[str]) -> Ruling:
        """Return what policy says of swapping these lines now."""
        order = self._verified(order_id)
        swaps = self._swaps(order, line_ids, new_variants)
        difference = _total(swaps.values()) - _total(line for line in order.lines if line.id in swaps)
        return policy.exchange(order, line_ids, difference, now=self.books.now)

    def ruling_on_address(self, order_id: OrderId) -> Ruling:
        """Return what policy says of changing the address now."""
        return policy.address_change(self._verified(order_id), now=self.books.now)

    def _verified(self, order_id: OrderId, *, level: int = 2) -> Order:
        order = self.books.order(order_id)
        self.books.require_level(order.customer_id, level)
        return order

    def _require_payment(self, order: Order, payment_id: PaymentId) -> None:
        known = self.books.customer(order.customer_id).payment_ids
        if payment_id not in known:
            message = f"{payment_id} is not a payment method of the customer, who has {', '.join(known)}"
            raise ToolRejectedError(message)

    def _paid_back(self, order: Order, line_ids: Sequence[LineId], cents: int) -> Iterator[Refund]:
        for line in order.lines:
            part = min(cents, order.remainder_cents(line))
            if line.id in line_ids and part > 0:
                yield Refund(line_id=line.id, cents=part, at=self.books.now)
                cents -= part

    def _swaps(self, order: Order, line_ids: Sequence[LineId], new_variants: Sequence[str]) -> Mapping[LineId, Line]:
        if len(line_ids) != len(new_variants):
            message = f"{len(line_ids)} lines need as many new variants, got {len(new_variants)}"
            raise ToolRejectedError(message)
        lines = {line.id: line for line in order.lines}
        wanted = zip(line_ids, new_variants, strict=True)
        return {line_id: _swapped(lines[line_id], name) for line_id, name in wanted if line_id in lines}


def _swapped(line: Line, variant_name: str) -> Line:
    offered = product(line.product)
    variant = offered.variant(variant_name)
    if variant is None:
        names = ", ".join(variant.name for variant in offered.variants)
        message = f"the {line.product} is not sold in {variant_name}; it is sold in {names}"
        raise ToolRejectedError(message)
    return replace(line, sku=variant.sku, variant=variant.name, cents=line.quantity * variant.cents)


def _total(lines: Iterable[Line]) -> int:
    return sum(line.cents for line in lines)
