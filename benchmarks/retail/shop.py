"""The shop during one run: the shared records, and above them whatever this run has written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field

from retail.records import Address, Order, PaymentMethod, Product, Records, User, Variant
from trunkline.tools import ToolRejectedError


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChange:
    """What one action writes: the order with its new values, and the new balances of gift cards."""

    order: Order
    balances: Mapping[str, float] = field(default_factory=dict[str, float])
    """In dollars, by gift card id."""


class Shop:
    """A copy-on-write overlay over the records: an order, an address or a balance is copied when it is first written.

    Reading gives copies, so that whoever holds one sees neither later changes nor can make any. A new value replaces
    the old one as a whole: two actions that read the same value and both write lose one of their changes.
    """

    def __init__(self, records: Records) -> None:
        self.records = records
        self._orders: dict[str, Order] = {}
        self._addresses: dict[str, Address] = {}
        self._balances: dict[str, float] = {}

    def clear(self) -> None:
        """Forget all that was written: the shop is as it was loaded."""
        for written in (self._orders, self._addresses, self._balances):
            written.clear()

    def order(self, order_id: str) -> Order:
        """Return the order as it is now. Raises `ToolRejectedError` if there is none."""
        found = self._orders.get(order_id) or self.records.orders.get(order_id)
        if found is None:
            raise ToolRejectedError(f"no order has the id {order_id!r}; an order id looks like '#W0000000'")
        return deepcopy(found)

    def user(self, user_id: str) -> User:
        """Return the customer as of now. Raises `ToolRejectedError` if there is none."""
        user = deepcopy(self._user(user_id))
        user["address"] = self.address(user_id)
        for card in self.records.gift_cards(user_id):
            user["payment_methods"][card] = self.payment_method(user_id, card)
        return user

    def address(self, user_id: str) -> Address:
        """Return a customer's default address. Raises `ToolRejectedError` if there is no such customer."""
        return deepcopy(self._addresses.get(user_id) or self._user(user_id)["address"])

    def payment_method(self, user_id: str, method_id: str) -> PaymentMethod:
        """Return one of the user's payment methods. Raises `ToolRejectedError` if it is not among them."""
        methods = self._user(user_id)["payment_methods"]
        if method_id not in methods:
            known = ", ".join(methods)
            raise ToolRejectedError(f"user {user_id!r} has no payment method {method_id!r}; there is: {known}")
        method = deepcopy(methods[method_id])
        if method_id in self._balances:
            method["balance"] = self._balances[method_id]
        return method

    def product(self, product_id: str) -> Product:
        """Return a product. Raises `ToolRejectedError` if there is none."""
        found = self.records.products.get(product_id)
        if found is None:
            raise ToolRejectedError(f"no product has the id {product_id!r}; item ids and product ids are not the same")
        return deepcopy(found)

    def item(self, item_id: str) -> tuple[Product, Variant]:
        """Return an item and the product that it is a variant of. Raises `ToolRejectedError` if there is none."""
        product_id = self.records.product_of_item.get(item_id)
        if product_id is None:
            raise ToolRejectedError(f"no item has the id {item_id!r}; item ids and product ids are not the same")
        product = self.product(product_id)
        return product, product["variants"][item_id]

    def write_order(self, change: OrderChange) -> Order:
        """Write an order and the balances that moved with it, at once; return the order."""
        self._orders[change.order["order_id"]] = deepcopy(change.order)
        self._balances.update(change.balances)
        return change.order

    def write_address(self, user_id: str, address: Address) -> None:
        """Write a customer's default address."""
        self._addresses[user_id] = address.copy()

    def state(self) -> str:
        """Return everything that was written, as canonical JSON: equal texts mean equal shops over the same records."""
        written = {"orders": self._orders, "addresses": self._addresses, "balances": self._balances}
        return json.dumps(written, sort_keys=True)

    def _user(self, user_id: str) -> User:
        found = self.records.users.get(user_id)
        if found is None:
            raise ToolRejectedError(f"no user has the id {user_id!r}; find it by email or by name and zip code")
        return found
