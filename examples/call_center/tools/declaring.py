"""What the declarations of the desk's tools share: argument types, resources, approval, keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field

from trunkline.examples.call_center.backend import Books
from trunkline.examples.call_center.policy import Ruling, Verdict
from trunkline.examples.call_center.records import CustomerId, LineId, OrderId
from trunkline.tools import Rule, ToolRejectedError, current_call

Customer = Annotated[CustomerId, Field(description="id of a customer, like C0042")]
Order = Annotated[OrderId, Field(description="id of an order, like O0317")]
Lines = Annotated[list[LineId], Field(min_length=1, description="ids of lines of the order, like L1")]
Cents = Annotated[int, Field(gt=0, description="whole cents: 1250 is 12.50")]

CRM_LIMIT = 5
READ_TIMEOUT = 3.0
EFFECT_TIMEOUT = 8.0


def own_key() -> str:
    """Return the idempotency key of the running call."""
    key = current_call().key
    if key is None:
        message = f"tool {current_call().tool!r} has no key; declare key="
        raise ValueError(message)
    return key


def if_policy_asks(ruling: Callable[[Mapping[str, Any]], Ruling]) -> Rule:
    """Make an approval rule of a ruling. What will be refused anyway is asked of nobody."""

    def rule(arguments: Mapping[str, Any]) -> str | None:
        try:
            ruled = ruling(arguments)
        except ToolRejectedError:
            return None
        return ruled.text if ruled.verdict is Verdict.NEEDS_APPROVAL else None

    return rule


def orders_of_customer(books: Books) -> Callable[[Mapping[str, Any]], Iterable[str]]:
    """Name the orders of the customer in `customer_id`."""
    return lambda arguments: [f"order:{order_id}" for order_id in books.order_ids_of(arguments["customer_id"])]


def proof_of_owner(books: Books) -> Callable[[Mapping[str, Any]], Iterable[str]]:
    """Name the verification of the customer who owns the order in `order_id`: a call waits for it."""

    def proof(arguments: Mapping[str, Any]) -> Iterable[str]:
        order = books.orders.get(arguments["order_id"])
        return [f"verification:{order.customer_id}"] if order else []

    return proof
