"""What the policy lets a customer do with the items of an order: change them, exchange them, give them back.

Each is possible once for an order: it moves the order to a status in which none of them is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retail.orders import require_status
from retail.payments import Payments, dollars
from retail.records import Order, OrderLine, Variant
from retail.shop import OrderChange, Shop
from trunkline.tools import ToolRejectedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """One ordered piece, by its position in the order, and the item that takes its place."""

    position: int
    old: OrderLine
    new: Variant


def modify(
    shop: Shop, order_id: str, item_ids: Sequence[str], new_item_ids: Sequence[str], method_id: str
) -> OrderChange:
    """Replace items of a pending order by others of the same products; the difference is paid or refunded."""
    order = require_status(shop.order(order_id), "pending")
    swaps = _swaps(shop, order, item_ids, new_item_ids)
    payments = Payments(shop, order)
    shop.payment_method(order["user_id"], method_id)
    payments.settle(method_id, _difference(swaps))
    for swap in swaps:
        order["items"][swap.position] = {
            **swap.old,
            "item_id": swap.new["item_id"],
            "price": swap.new["price"],
            "options": swap.new["options"],
        }
    order["status"] = "pending (item modified)"
    return OrderChange(order=order, balances=payments.balances)


def exchange(
    shop: Shop, order_id: str, item_ids: Sequence[str], new_item_ids: Sequence[str], method_id: str
) -> OrderChange:
    """Agree to exchange delivered items for others of the same products; the difference is paid or refunded."""
    order = require_status(shop.order(order_id), "delivered")
    swaps = _swaps(shop, order, item_ids, new_item_ids)
    difference = _difference(swaps)
    payments = Payments(shop, order)
    shop.payment_method(order["user_id"], method_id)
    payments.settle(method_id, difference)
    order["status"] = "exchange requested"
    order["exchange_items"] = sorted(item_ids)
    order["exchange_new_items"] = sorted(new_item_ids)
    order["exchange_payment_method_id"] = method_id
    order["exchange_price_difference"] = difference
    return OrderChange(order=order, balances=payments.balances)


def take_back(shop: Shop, order_id: str, item_ids: Sequence[str], method_id: str) -> OrderChange:
    """Agree to take delivered items back. The refund follows when they have arrived, so no money moves here."""
    order = require_status(shop.order(order_id), "delivered")
    method = shop.payment_method(order["user_id"], method_id)
    if method["source"] != "gift_card" and method_id != order["payment_history"][0]["payment_method_id"]:
        raise ToolRejectedError(
            f"order {order_id} was not paid by {method_id!r}; refund to the original payment method or a gift card"
        )
    _positions(order, item_ids)
    order["status"] = "return requested"
    order["return_items"] = sorted(item_ids)
    order["return_payment_method_id"] = method_id
    return OrderChange(order=order)


def _swaps(shop: Shop, order: Order, item_ids: Sequence[str], new_item_ids: Sequence[str]) -> list[Swap]:
    if len(item_ids) != len(new_item_ids):
        raise ToolRejectedError(f"{len(item_ids)} items cannot become {len(new_item_ids)}; name one new item for each")
    pairs = zip(_positions(order, item_ids), new_item_ids, strict=True)
    return [_swap(shop, position, order["items"][position], new) for position, new in pairs]


def _swap(shop: Shop, position: int, old: OrderLine, new_item_id: str) -> Swap:
    product, new = shop.item(new_item_id)
    if product["product_id"] != old["product_id"]:
        raise ToolRejectedError(
            f"item {new_item_id} is a {product['name']!r}, item {old['item_id']} a {old['name']!r}; "
            "the product must stay the same"
        )
    if new_item_id == old["item_id"]:
        raise ToolRejectedError(f"item {new_item_id} would replace itself; choose one with other options")
    if not new["available"]:
        raise ToolRejectedError(f"item {new_item_id} is not available; choose another {product['name']!r}")
    return Swap(position=position, old=old, new=new)


def _positions(order: Order, item_ids: Sequence[str]) -> list[int]:
    """Return where the items stand in the order; an id that is named twice takes two pieces."""
    if not item_ids:
        raise ToolRejectedError(f"no item of order {order['order_id']} was named; name at least one")
    free = list(enumerate(order["items"]))
    positions: list[int] = []
    for item_id in item_ids:
        found = next((place for place in free if place[1]["item_id"] == item_id), None)
        if found is None:
            raise ToolRejectedError(f"order {order['order_id']} does not hold item {item_id} as often as it was named")
        free.remove(found)
        positions.append(found[0])
    return positions


def _difference(swaps: Sequence[Swap]) -> float:
    return dollars(sum(swap.new["price"] - swap.old["price"] for swap in swaps))
