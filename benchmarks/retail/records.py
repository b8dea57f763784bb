"""The benchmark's database as it was loaded: typed, never changed, and indexed for look-ups."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NotRequired, TypedDict


class Name(TypedDict):
    """A customer's name."""

    first_name: str
    last_name: str


class Address(TypedDict):
    """Where parcels go."""

    address1: str
    address2: str
    city: str
    state: str
    country: str
    zip: str


class PaymentMethod(TypedDict):
    """A way to pay that a customer has on file. Only a gift card has a balance, in dollars."""

    id: str
    source: Literal["credit_card", "paypal", "gift_card"]
    brand: NotRequired[str]
    last_four: NotRequired[str]
    balance: NotRequired[float]


class User(TypedDict):
    """A customer."""

    user_id: str
    name: Name
    address: Address
    email: str
    payment_methods: dict[str, PaymentMethod]
    orders: list[str]


class Variant(TypedDict):
    """One item of a product: a choice for each of the product's options."""

    item_id: str
    options: dict[str, str]
    available: bool
    price: float


class Product(TypedDict):
    """A type of product and its items, by item id."""

    name: str
    product_id: str
    variants: dict[str, Variant]


class OrderLine(TypedDict):
    """One ordered piece. An order may hold the same item more than once."""

    name: str
    product_id: str
    item_id: str
    price: float
    options: dict[str, str]


class Parcel(TypedDict):
    """What was sent together."""

    tracking_id: list[str]
    item_ids: list[str]


class Payment(TypedDict):
    """Money that went from the customer to the shop (payment) or back (refund). The amount is never negative."""

    transaction_type: Literal["payment", "refund"]
    amount: float
    payment_method_id: str


class Order(TypedDict):
    """An order; the optional fields appear with the action that they tell of."""

    order_id: str
    user_id: str
    address: Address
    items: list[OrderLine]
    status: str
    fulfillments: list[Parcel]
    payment_history: list[Payment]
    cancel_reason: NotRequired[str]
    return_items: NotRequired[list[str]]
    return_payment_method_id: NotRequired[str]
    exchange_items: NotRequired[list[str]]
    exchange_new_items: NotRequired[list[str]]
    exchange_payment_method_id: NotRequired[str]
    exchange_price_difference: NotRequired[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What every run starts from. Shared between runs: nobody writes to it."""

    products: Mapping[str, Product]
    users: Mapping[str, User]
    orders: Mapping[str, Order]
    product_of_item: Mapping[str, str]
    """Product ids by item id."""

    users_by_email: Mapping[str, str]
    """User ids by email in lower case."""

    users_by_name: Mapping[tuple[str, str], tuple[str, ...]]
    """Ids of all users of a name, by first and last name in lower case."""

    @classmethod
    def load(cls, folder: Path) -> Records:
        """Read `db.json` of the benchmark's folder."""
        tables = json.loads((folder / "db.json").read_text())
        return cls.of(products=tables["products"], users=tables["users"], orders=tables["orders"])

    @classmethod
    def of(cls, *, products: Mapping[str, Product], users: Mapping[str, User], orders: Mapping[str, Order]) -> Records:
        """Return records of these tables, each by its ids."""
        return cls(
            products=products,
            users=users,
            orders=orders,
            product_of_item={
                item: product_id for product_id, product in products.items() for item in product["variants"]
            },
            users_by_email={user["email"].lower(): user_id for user_id, user in users.items()},
            users_by_name=_by_name(users.values()),
        )

    def gift_cards(self, user_id: str) -> list[str]:
        """Return the ids of a customer's gift cards. Cards are never added nor removed, only their balances move."""
        methods = self.users[user_id]["payment_methods"].values()
        return [method["id"] for method in methods if method["source"] == "gift_card"]


def _by_name(users: Iterable[User]) -> dict[tuple[str, str], tuple[str, ...]]:
    found: defaultdict[tuple[str, str], tuple[str, ...]] = defaultdict(tuple)
    for user in users:
        found[user["name"]["first_name"].lower(), user["name"]["last_name"].lower()] += (user["user_id"],)
    return dict(found)
