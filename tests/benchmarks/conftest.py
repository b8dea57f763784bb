"""A shop of two customers who share a name, five orders and two products: small enough to read."""

from __future__ import annotations

import pytest

from retail.records import Address, Order, OrderLine, PaymentMethod, Product, Records, User, Variant

ELM = Address(address1="1 Elm", address2="", city="Ulm", state="TX", country="USA", zip="10001")
OAK = Address(address1="2 Oak", address2="", city="Bonn", state="NY", country="USA", zip="20002")
PRICES = {"red": 10.1, "blue": 12.35, "green": 7.2, "gone": 5.0, "pen": 1.0}


@pytest.fixture(scope="session")
def records() -> Records:
    """The first gift card covers order #P2 and then hardly anything else; the second one is all but empty."""
    cards: list[PaymentMethod] = [{"id": "card", "source": "credit_card"}, {"id": "paypal", "source": "paypal"}]
    gifts: list[PaymentMethod] = [
        {"id": "gift_1", "source": "gift_card", "balance": 22.0},
        {"id": "gift_2", "source": "gift_card", "balance": 0.1},
    ]
    users = [user("ann_1", ELM, [cards[0], gifts[0]]), user("ann_2", OAK, [cards[1], gifts[1]])]
    orders = [
        order("#P1", "ann_1", "pending", ["red"], "gift_1"),
        order("#P2", "ann_1", "pending", ["red", "red", "pen"], "card"),
        order("#P3", "ann_2", "pending", ["blue"], "paypal"),
        order("#D1", "ann_1", "delivered", ["red", "blue"], "card"),
        order("#D2", "ann_1", "delivered", ["green"], "gift_1"),
    ]
    return Records.of(
        products={"mug": product("mug", ["red", "blue", "green", "gone"]), "pens": product("pens", ["pen"])},
        users={each["user_id"]: each for each in users},
        orders={each["order_id"]: each for each in orders},
    )


def user(user_id: str, address: Address, methods: list[PaymentMethod]) -> User:
    return {
        "user_id": user_id,
        "name": {"first_name": "Ann", "last_name": "Lee"},
        "address": address,
        "email": f"{user_id}@example.com",
        "payment_methods": {method["id"]: method for method in methods},
        "orders": [],
    }


def product(product_id: str, item_ids: list[str]) -> Product:
    variants = {item_id: variant(item_id) for item_id in item_ids}
    return {"product_id": product_id, "name": product_id, "variants": variants}


def variant(item_id: str) -> Variant:
    return {
        "item_id": item_id,
        "options": {"color": item_id},
        "available": item_id != "gone",
        "price": PRICES[item_id],
    }


def line(item_id: str) -> OrderLine:
    product_id = "pens" if item_id == "pen" else "mug"
    options = {"color": item_id}
    return {
        "name": product_id,
        "product_id": product_id,
        "item_id": item_id,
        "price": PRICES[item_id],
        "options": options,
    }


def order(order_id: str, user_id: str, status: str, item_ids: list[str], method_id: str) -> Order:
    total = round(sum(PRICES[item_id] for item_id in item_ids), 2)
    return {
        "order_id": order_id,
        "user_id": user_id,
        "address": ELM,
        "items": [line(item_id) for item_id in item_ids],
        "status": status,
        "fulfillments": [],
        "payment_history": [{"transaction_type": "payment", "amount": total, "payment_method_id": method_id}],
    }
