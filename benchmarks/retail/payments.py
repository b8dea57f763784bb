"""How money moves for an order: what the history records, and what gift cards pay and get back at once."""

from __future__ import annotations

from collections import defaultdict

from retail.records import Order
from retail.shop import Shop
from trunkline.tools import ToolRejectedError


class Payments:
    """The payments that one action makes for an order.

    Each is added to the order's history. A gift card pays and is refunded at once, so its new balance is kept in
    `balances`; other methods settle outside the shop, within 5 to 7 business days. Nothing is written to the shop.
    """

    def __init__(self, shop: Shop, order: Order) -> None:
        self._shop = shop
        self._order = order
        self.balances: dict[str, float] = {}
        """New balances by gift card id."""

    def charge(self, method_id: str, amount: float) -> None:
        """Take the amount from the customer. Raises `ToolRejectedError` if it is a gift card that holds too little."""
        balance = self._balance(method_id)
        if balance is not None and balance < amount:
            raise ToolRejectedError(
                f"gift card {method_id!r} holds {balance:.2f}, which does not cover {amount:.2f}; use another method"
            )
        self._move(method_id, balance, -amount)
        self._order["payment_history"].append(
            {"transaction_type": "payment", "amount": amount, "payment_method_id": method_id}
        )

    def refund(self, method_id: str, amount: float) -> None:
        """Give the amount back to the customer."""
        self._move(method_id, self._balance(method_id), amount)
        self._order["payment_history"].append(
            {"transaction_type": "refund", "amount": amount, "payment_method_id": method_id}
        )

    def settle(self, method_id: str, difference: float) -> None:
        """Charge a positive price difference and refund a negative one."""
        if difference > 0:
            self.charge(method_id, difference)
        elif difference < 0:
            self.refund(method_id, -difference)

    def _balance(self, method_id: str) -> float | None:
        method = self._shop.payment_method(self._order["user_id"], method_id)
        return self.balances.get(method_id, method.get("balance"))

    def _move(self, method_id: str, balance: float | None, amount: float) -> None:
        if balance is not None:
            self.balances[method_id] = dollars(balance + amount)


def paid(order: Order) -> dict[str, float]:
    """Return what the shop holds of the customer's money for the order, by payment method; nothing at zero."""
    sums: defaultdict[str, float] = defaultdict(float)
    for payment in order["payment_history"]:
        sign = 1 if payment["transaction_type"] == "payment" else -1
        sums[payment["payment_method_id"]] += sign * payment["amount"]
    return {method: dollars(amount) for method, amount in sums.items() if dollars(amount) > 0}


def dollars(amount: float) -> float:
    """Return the amount in whole cents, as the data writes amounts: 0.1 + 0.2 is 0.3."""
    return round(amount, 2)
