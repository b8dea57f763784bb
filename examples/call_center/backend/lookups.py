"""What the desk can ask the company's systems without changing anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trunkline.examples.call_center import policy
from trunkline.examples.call_center.backend.answers import CustomerRef, Profile
from trunkline.examples.call_center.backend.books import Books
from trunkline.examples.call_center.backend.wire import Carrier, remote
from trunkline.examples.call_center.policy import Quote
from trunkline.examples.call_center.records import (
    Article,
    CustomerId,
    LineId,
    Order,
    OrderId,
    PastContact,
    Shipment,
    Ticket,
)
from trunkline.examples.call_center.world import search


@dataclass(frozen=True, slots=True)
class Lookups:
    """Reads. They need no verification: what is fetched is not yet said."""

    wire: Carrier
    books: Books

    @remote("crm")
    def find_customer(self, *, phone: str | None, email: str | None, order_id: OrderId | None) -> list[CustomerRef]:
        """Return the customers with this phone number, e-mail address or order."""
        order = self.books.orders.get(order_id) if order_id else None
        return [
            CustomerRef.of(customer)
            for customer in self.books.customers.values()
            if customer.phone == phone or customer.email == email or (order and customer.id == order.customer_id)
        ]

    @remote("crm")
    def get_profile(self, *, customer_id: CustomerId) -> Profile:
        """Return the customer as the desk sees one."""
        level = self.books.level(customer_id)
        return Profile.of(self.books.customer(customer_id), verified_level=level)

    @remote("crm")
    def get_contacts(self, *, customer_id: CustomerId) -> list[PastContact]:
        """Return the notes of earlier contacts."""
        return self.books.contacts_of(customer_id)

    @remote("orders")
    def get_orders(self, *, customer_id: CustomerId, limit: int) -> list[Order]:
        """Return the customer's latest orders, the newest first."""
        return self.books.orders_of(customer_id)[::-1][:limit]

    @remote("shipping")
    def get_shipment(self, *, order_id: OrderId) -> Shipment:
        """Return where the parcel is."""
        return self.books.shipment(order_id)

    @remote("tickets")
    def get_tickets(self, *, customer_id: CustomerId) -> list[Ticket]:
        """Return the customer's tickets."""
        return self.books.tickets_of(customer_id)

    @remote("knowledge")
    def search_kb(self, *, query: str, k: int) -> list[Article]:
        """Return the articles in force that fit the query best."""
        return search(self.books.articles, query, k=k, today=self.books.now.date())

    @remote("payments")
    def quote_refund(self, *, order_id: OrderId, line_ids: Sequence[LineId]) -> Quote:
        """Return what can be paid back."""
        return policy.refund_quote(self.books.order(order_id), line_ids, now=self.books.now)
