"""What a scenario of the desk may set: who calls, fields of records, who is verified, and which requests go wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from trunkline.errors import ScenarioError
from trunkline.examples.call_center.backend import Books, Fate
from trunkline.examples.call_center.records import Channel, Customer, CustomerId, Order, Shipment, Ticket

_KINDS: Mapping[str, TypeAdapter[Any]] = {
    "customer": TypeAdapter(Customer),
    "order": TypeAdapter(Order),
    "shipment": TypeAdapter(Shipment),
    "ticket": TypeAdapter(Ticket),
}


class Given(BaseModel):
    """What a scenario says under `given`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    caller: CustomerId
    """The customer who is on the line; the desk sees their number, or in chat and mail their address."""

    channel: Channel = "voice"
    verified: int = 0
    """How many factors the caller has proved before."""

    records: Mapping[str, Mapping[str, Any]] = {}
    """Fields of records that are not as in the generated world: `order O0317: {status: picked}`."""

    faults: Mapping[str, tuple[Fate, ...]] = {}
    """By operation: what becomes of the first requests with the same arguments."""

    slow: Mapping[str, float] = {}
    """By operation: how many times as long as usual its requests take."""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Given:
        """Read it. Raises `ScenarioError` that names the place."""
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise ScenarioError(_problems("given", error)) from None  # pydantic says it at length


def set_records(books: Books, records: Mapping[str, Mapping[str, Any]]) -> None:
    """Set fields of records: `{"order O0317": {"status": "picked"}}`. Raises `ScenarioError` for what is not there."""
    for name, fields in records.items():
        kind, _, identity = name.partition(" ")
        shelf = _shelves(books).get(kind)
        if shelf is None or identity not in shelf:
            problem = f"there is no record {name!r}; write order, customer, shipment or ticket and an id of the world"
            raise ScenarioError(problem)
        try:
            shelf[identity] = _KINDS[kind].validate_python({**asdict(shelf[identity]), **fields})
        except ValidationError as error:
            raise ScenarioError(_problems(name, error)) from None  # pydantic says it at length


def _problems(name: str, error: ValidationError) -> str:
    places = (".".join(map(str, (name, *item["loc"]))) for item in error.errors())
    return "; ".join(f"{place}: {item['msg']}" for place, item in zip(places, error.errors(), strict=True))


def _shelves(books: Books) -> Mapping[str, dict[Any, Any]]:
    return {"customer": books.customers, "order": books.orders, "shipment": books.shipments, "ticket": books.tickets}
