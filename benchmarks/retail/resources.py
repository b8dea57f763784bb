"""What the shop's tools read and write, by name, from a call's arguments and the facts that never change.

A resource is the smallest thing that one action can change alone: an order, a customer's default address, a gift card's
balance. No tool changes products, emails, names, nor who owns an order or a card: reading those needs no resource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from retail.records import Records

Resources = Callable[[Mapping[str, Any]], list[str]]


def order(order_id: str) -> str:
    """Return the name of an order: its status, items, address and payments are one resource."""
    return f"order:{order_id}"


def address(user_id: str) -> str:
    """Return the name of a customer's default address."""
    return f"address:{user_id}"


def card(method_id: str) -> str:
    """Return the name of a gift card's balance."""
    return f"gift-card:{method_id}"


def one_order(arguments: Mapping[str, Any]) -> list[str]:
    """An order is read, or changed without moving money."""
    return [order(arguments["order_id"])]


def one_address(arguments: Mapping[str, Any]) -> list[str]:
    """A customer's default address is changed."""
    return [address(arguments["user_id"])]


def profile(records: Records) -> Resources:
    """A profile shows what may change of a customer: the default address and the gift cards' balances."""

    def read(arguments: Mapping[str, Any]) -> list[str]:
        user_id = arguments["user_id"]
        return [address(user_id), *_cards(records, user_id)]

    return read


def zip_codes(records: Records) -> Resources:
    """A search by name and zip code reads the default address of everyone who has the name."""

    def read(arguments: Mapping[str, Any]) -> list[str]:
        name = arguments["first_name"].lower(), arguments["last_name"].lower()
        return [address(user_id) for user_id in records.users_by_name.get(name, ())]

    return read


def refunded(records: Records) -> Resources:
    """A cancelled order is refunded, maybe to a gift card.

    Any card of its owner can be meant, whatever the order was first paid by: an earlier call of the same turn may have
    changed the payment method.
    """

    def written(arguments: Mapping[str, Any]) -> list[str]:
        order_id = arguments["order_id"]
        found = records.orders.get(order_id)
        return [order(order_id), *(_cards(records, found["user_id"]) if found else ())]

    return written


def settled(records: Records) -> Resources:
    """Changed or exchanged items settle the difference by the method that is named, which may be a gift card."""

    def written(arguments: Mapping[str, Any]) -> list[str]:
        order_id = arguments["order_id"]
        return [order(order_id), *_cards_among(records, order_id, {arguments["payment_method_id"]})]

    return written


def repaid(records: Records) -> Resources:
    """A changed payment charges the named method and refunds the first one.

    The first one is a fact: a second change of the payment, after which it would be another, is refused.
    """

    def written(arguments: Mapping[str, Any]) -> list[str]:
        order_id, found = arguments["order_id"], records.orders.get(arguments["order_id"])
        first = {found["payment_history"][0]["payment_method_id"]} if found else set[str]()
        return [order(order_id), *_cards_among(records, order_id, first | {arguments["payment_method_id"]})]

    return written


def _cards(records: Records, user_id: str) -> list[str]:
    return [card(method_id) for method_id in records.gift_cards(user_id)] if user_id in records.users else []


def _cards_among(records: Records, order_id: str, methods: set[str]) -> list[str]:
    found = records.orders.get(order_id)
    held = records.gift_cards(found["user_id"]) if found else []
    return [card(method_id) for method_id in held if method_id in methods]
