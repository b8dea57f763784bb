"""The state of the company's systems: the world of the morning, as the day's effects have left it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from trunkline.examples.call_center.backend.answers import Receipt, Verification
from trunkline.examples.call_center.policy import Ruling, Verdict
from trunkline.examples.call_center.records import (
    Customer,
    CustomerId,
    Order,
    OrderId,
    PastContact,
    Shipment,
    Ticket,
    TicketId,
)
from trunkline.examples.call_center.world import World
from trunkline.tools import ToolRejectedError

T = TypeVar("T")

ATTEMPTS = 3
"""Failed verifications before a customer is locked for the day."""


class Books:
    """Records by id, and who has proved who they are. What is unknown is refused."""

    def __init__(self, world: World) -> None:
        self.now = world.now
        self.customers = {customer.id: customer for customer in world.customers}
        self.orders = {order.id: order for order in world.orders}
        self.shipments = {shipment.order_id: shipment for shipment in world.shipments}
        self.tickets = {ticket.id: ticket for ticket in world.tickets}
        self.articles = world.articles
        self.past_contacts = {contact.id: contact for contact in world.past_contacts}
        self._order_ids = defaultdict[CustomerId, list[OrderId]](list)
        for order in world.orders:
            self._order_ids[order.customer_id].append(order.id)
        self.credits: dict[tuple[CustomerId, int, str], Receipt] = {}
        """Credits that were given today, by customer, cents and reason."""

        self._cancelled: dict[OrderId, tuple[Order, Shipment | None]] = {}
        self._levels: dict[CustomerId, int] = {}
        self._failures: Counter[CustomerId] = Counter()

    def customer(self, customer_id: CustomerId) -> Customer:
        """Return the customer, or refuse."""
        return _found(self.customers.get(customer_id), "customer", customer_id)

    def order(self, order_id: OrderId) -> Order:
        """Return the order, or refuse."""
        return _found(self.orders.get(order_id), "order", order_id)

    def shipment(self, order_id: OrderId) -> Shipment:
        """Return the shipment of the order, or refuse: nothing has left the shelf yet."""
        return _found(self.shipments.get(order_id), "shipment of order", order_id)

    def ticket(self, ticket_id: TicketId) -> Ticket:
        """Return the ticket, or refuse."""
        return _found(self.tickets.get(ticket_id), "ticket", ticket_id)

    def order_ids_of(self, customer_id: CustomerId) -> Sequence[OrderId]:
        """Return the ids of the customer's orders, the oldest first."""
        return self._order_ids.get(customer_id, ())

    def orders_of(self, customer_id: CustomerId) -> list[Order]:
        """Return the customer's orders, the oldest first."""
        return [self.orders[order_id] for order_id in self.order_ids_of(customer_id)]

    def set_aside(self, order_id: OrderId) -> None:
        """Keep the order and its shipment as they are, for `take_back`."""
        self._cancelled[order_id] = (self.order(order_id), self.shipments.get(order_id))

    def take_back(self, order_id: OrderId) -> None:
        """Put back what was set aside, or refuse."""
        order, shipment = _found(self._cancelled.pop(order_id, None), "cancelled order", order_id)
        self.orders[order_id] = order
        if shipment:
            self.shipments[order_id] = shipment

    def tickets_of(self, customer_id: CustomerId) -> list[Ticket]:
        """Return the customer's tickets, the oldest first."""
        return [ticket for ticket in self.tickets.values() if ticket.customer_id == customer_id]

    def contacts_of(self, customer_id: CustomerId) -> list[PastContact]:
        """Return the notes of the customer's earlier contacts, the oldest first."""
        return [contact for contact in self.past_contacts.values() if contact.customer_id == customer_id]

    def owned_order(self, customer_id: CustomerId, order_id: OrderId) -> Order:
        """Return the order if it is the customer's, or refuse."""
        order = self.order(order_id)
        if order.customer_id != customer_id:
            message = f"order {order_id} is not an order of customer {customer_id}"
            raise ToolRejectedError(message)
        return order

    def level(self, customer_id: CustomerId) -> int:
        """Return how well the customer has proved who they are today."""
        return self._levels.get(customer_id, 0)

    def prove(self, customer_id: CustomerId, level: int) -> None:
        """Note that the customer has proved who they are, to this level."""
        self._levels[customer_id] = level

    def by_name(self) -> dict[str, object]:
        """Return every record under its kind and id, like `order O0317`, and who is verified."""
        shelves: dict[str, Mapping[Any, object]] = {
            "customer": self.customers,
            "order": self.orders,
            "shipment": self.shipments,
            "ticket": self.tickets,
            "contact": self.past_contacts,
            "verification": self._levels,
        }
        return {f"{kind} {identity}": record for kind, shelf in shelves.items() for identity, record in shelf.items()}

    def verify(self, customer: Customer, factors: Sequence[bool]) -> Verification:
        """Note how many factors the caller knew. One wrong factor is a failure, and after three nobody is verified."""
        if self._failures[customer.id] >= ATTEMPTS:
            message = f"customer {customer.id} is locked after {ATTEMPTS} failed verifications; hand over to a person"
            raise ToolRejectedError(message)
        known = min(len(factors), 2) if all(factors) else 0
        if known == 0:
            self._failures[customer.id] += 1
        self._levels[customer.id] = max(self.level(customer.id), known)
        left = ATTEMPTS - self._failures[customer.id]
        return Verification(customer_id=customer.id, level=known, attempts_left=left)

    def require_level(self, customer_id: CustomerId, level: int) -> None:
        """Refuse unless the customer is verified to this level."""
        if self.level(customer_id) < level:
            message = f"customer {customer_id} is not verified to level {level}; call verify_customer first"
            raise ToolRejectedError(message)


def permit(ruling: Ruling) -> None:
    """Refuse what policy refuses. What needs approval passes: a person was asked before the call came here."""
    if ruling.verdict is Verdict.REFUSED:
        message = f"{ruling.reason}: {ruling.text} (policy {ruling.version})"
        raise ToolRejectedError(message)


def _found(record: T | None, kind: str, identity: str) -> T:
    if record is None:
        message = f"there is no {kind} {identity}"
        raise ToolRejectedError(message)
    return record
