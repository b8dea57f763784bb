"""What the declarations of the desk's tools share: argument types, resources, approval, keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field

from trunkline.examples.call_center.backend import Books, Carrier
from trunkline.examples.call_center.policy import Ruling, Verdict
from trunkline.examples.call_center.records import CustomerId, LineId, OrderId
from trunkline.tools import Rule, ToolRejectedError, asking, current_call, untrusted

Customer = Annotated[CustomerId, Field(description="id of a customer, like C0042")]
Order = Annotated[OrderId, Field(description="id of an order, like O0317")]
Lines = Annotated[list[LineId], Field(min_length=1, description="ids of lines of the order, like L1")]
Cents = Annotated[int, Field(gt=0, description="whole cents: 1250 is 12.50")]

CRM_LIMIT = 5
READ_TIMEOUT = 3.0
EFFECT_TIMEOUT = 8.0
APPROVAL_SECONDS = 30 * 60.0
"""How long a request waits for a person before it expires."""

RuledBy = Callable[[Mapping[str, Any]], Awaitable[Ruling]]
"""What policy says of a call with these arguments."""


def own_key() -> str:
    """Return the idempotency key of the running call."""
    key = current_call().key
    if key is None:
        message = f"tool {current_call().tool!r} has no key; declare key="
        raise ValueError(message)
    return key


def ruled_by(wire: Carrier, ruling: Callable[..., Ruling], *names: str) -> RuledBy:
    """Ask for a ruling on these arguments of a call."""

    def ruled(arguments: Mapping[str, Any]) -> Awaitable[Ruling]:
        asked = {name: arguments[name] for name in names}
        return wire.rule(ruling.__name__, asked, lambda: ruling(**asked))

    return ruled


def allowed(ruling: RuledBy) -> Rule:
    """Make a rule for `requires=` of a ruling: what policy refuses, and what the systems would refuse, never runs."""

    async def objection(arguments: Mapping[str, Any]) -> str | None:
        try:
            ruled = await ruling(arguments)
        except ToolRejectedError as refusal:
            return _with_source(str(refusal), arguments)
        if ruled.verdict is not Verdict.REFUSED:
            return None
        return _with_source(f"{ruled.reason}: {ruled.text} (policy {ruled.version})", arguments)

    return objection


def if_policy_asks(ruling: RuledBy) -> Rule:
    """Make a rule for `approve=` of a ruling: where policy asks for a person, one must decide within half an hour."""

    async def reason(arguments: Mapping[str, Any]) -> str | None:
        try:
            ruled = await ruling(arguments)
        except ToolRejectedError:
            return None  # it will be refused, and nobody need be asked
        return ruled.text if ruled.verdict is Verdict.NEEDS_APPROVAL else None

    return asking(reason, within=APPROVAL_SECONDS)


def _with_source(objection: str, arguments: Mapping[str, Any]) -> str:
    """Add where an argument comes from that the customer never said."""
    source = untrusted("cents", "recipient", "address")(arguments)
    return f"{objection}; {source}" if source else objection


def orders_of_customer(books: Books) -> Callable[[Mapping[str, Any]], Iterable[str]]:
    """Name the orders of the customer in `customer_id`. Whose an order is never changes, so any books will do."""
    return lambda arguments: [f"order:{order_id}" for order_id in books.order_ids_of(arguments["customer_id"])]


def proof_of_owner(books: Books) -> Callable[[Mapping[str, Any]], Iterable[str]]:
    """Name the verification of the customer who owns the order in `order_id`: a call waits for it."""

    def proof(arguments: Mapping[str, Any]) -> Iterable[str]:
        order = books.orders.get(arguments["order_id"])
        return [f"verification:{order.customer_id}"] if order else []

    return proof
