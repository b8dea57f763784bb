"""What the policy lets a customer do with an order as a whole: cancel it, send it elsewhere, pay it otherwise."""

from __future__ import annotations

from typing import Literal, get_args

from retail.payments import Payments, paid
from retail.records import Address, Order
from retail.shop import OrderChange, Shop
from trunkline.tools import ToolRejectedError

CancelReason = Literal["no longer needed", "ordered by mistake"]


def cancel(shop: Shop, order_id: str, reason: str) -> OrderChange:
    """Cancel a pending order and give back all that was paid for it, to where it came from."""
    order = require_status(shop.order(order_id), "pending")
    if reason not in get_args(CancelReason):
        accepted = " or ".join(repr(each) for each in get_args(CancelReason))
        raise ToolRejectedError(f"reason {reason!r} is not a reason to cancel; it must be {accepted}")
    payments = Payments(shop, order)
    for method_id, amount in paid(order).items():
        payments.refund(method_id, amount)
    order["status"] = "cancelled"
    order["cancel_reason"] = reason
    return OrderChange(order=order, balances=payments.balances)


def redirect(shop: Shop, order_id: str, address: Address) -> OrderChange:
    """Send a pending order to another address."""
    order = require_status(shop.order(order_id), "pending")
    order["address"] = address
    return OrderChange(order=order)


def repay(shop: Shop, order_id: str, method_id: str) -> OrderChange:
    """Pay a pending order by another method, and give the money back to the first one. Possible once for an order."""
    order = require_status(shop.order(order_id), "pending")
    shop.payment_method(order["user_id"], method_id)
    if len(order["payment_history"]) != 1:
        raise ToolRejectedError(f"the payment of order {order_id} was already changed; it can be changed once")
    [first] = order["payment_history"]
    if first["payment_method_id"] == method_id:
        raise ToolRejectedError(f"order {order_id} is already paid by {method_id!r}; choose a different method")
    payments = Payments(shop, order)
    payments.charge(method_id, first["amount"])
    payments.refund(first["payment_method_id"], first["amount"])
    return OrderChange(order=order, balances=payments.balances)


def require_status(order: Order, status: str) -> Order:
    """Return the order. Raises `ToolRejectedError` if it is not in exactly this status."""
    if order["status"] != status:
        raise ToolRejectedError(f"order {order['order_id']} is {order['status']!r}; this needs one that is {status!r}")
    return order
