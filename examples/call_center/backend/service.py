"""What the desk can do for customers apart from their orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from trunkline.examples.call_center import policy
from trunkline.examples.call_center.backend.answers import (
    HandoffBrief,
    Receipt,
    Verification,
    Wrapup,
    receipt,
)
from trunkline.examples.call_center.backend.books import Books, permit
from trunkline.examples.call_center.backend.messages import MessageTemplate, message_text
from trunkline.examples.call_center.backend.wire import Carrier, remote
from trunkline.examples.call_center.policy import Ruling, money
from trunkline.examples.call_center.records import (
    Channel,
    ContactId,
    CustomerId,
    OrderId,
    PastContact,
    Ticket,
    TicketId,
    TicketStatus,
    Topic,
)
from trunkline.tools import ToolRejectedError

Queue = Literal["general", "orders", "billing", "complaints"]


@dataclass(frozen=True, slots=True)
class ServiceDesk:
    """Changes around a customer. Two old systems know no idempotency keys: loyalty and messaging."""

    wire: Carrier
    books: Books

    @remote("crm", changes=True)
    def verify_customer(
        self,
        *,
        customer_id: CustomerId,
        zip_code: str | None,
        last_name: str | None,
        pin: str | None,
        key: str,
    ) -> Verification:
        """Compare what the caller knows with what is on record; three failures lock the customer for the day."""
        del key
        customer = self.books.customer(customer_id)
        said = ((customer.address.zip_code, zip_code), (customer.last_name, last_name), (customer.pin, pin))
        factors = [known.casefold() == given.strip().casefold() for known, given in said if given]
        return self.books.verify(customer, factors)

    @remote("loyalty", changes=True)
    def issue_goodwill(self, *, customer_id: CustomerId, cents: int, reason: str) -> Receipt:
        """Give store credit as an apology. Asked twice, it is given twice."""
        permit(self.ruling_on_goodwill(customer_id, cents))
        customer = self.books.customer(customer_id)
        given = customer.goodwill_ytd_cents + cents
        self.books.customers[customer_id] = replace(customer, goodwill_ytd_cents=given)
        text = f"{money(cents)} store credit for {customer_id} ({reason}); {money(given)} this year"
        made = receipt("GW", f"{customer_id}:{given}", text, cents=cents)
        self.books.credits[customer_id, cents, reason] = made
        return made

    @remote("loyalty")
    def find_goodwill(self, *, customer_id: CustomerId, cents: int, reason: str) -> Receipt | None:
        """Return the receipt of today's credit, or None when there was none."""
        return self.books.credits.get((customer_id, cents, reason))

    @remote("messaging", changes=True)
    def send_message(
        self,
        *,
        customer_id: CustomerId,
        template: MessageTemplate,
        variables: Mapping[str, str],
        recipient: str | None = None,
    ) -> Receipt:
        """Mail a fixed text to the customer's own address. Asked twice, it is sent twice."""
        permit(self.ruling_on_message(customer_id, recipient))
        text = message_text(template, variables)
        recipient = self.books.customer(customer_id).email
        return receipt("MS", f"{customer_id}:{text}", f"sent to {recipient}: {text}")

    @remote("tickets", changes=True)
    def create_ticket(
        self, *, customer_id: CustomerId, order_id: OrderId, topic: Topic, body: str, key: str
    ) -> Receipt:
        """Open a ticket about one of the customer's orders."""
        order = self.books.owned_order(customer_id, order_id)
        made = receipt("T", key, f"ticket about {order_id} is open ({topic})")
        ticket = Ticket(
            id=TicketId(made.number),
            customer_id=customer_id,
            order_id=order.id,
            channel="voice",
            status="open",
            opened_at=self.books.now,
            body=body,
            trust="staff",
        )
        self.books.tickets[ticket.id] = ticket
        return made

    @remote("tickets", changes=True)
    def update_ticket(
        self, *, customer_id: CustomerId, ticket_id: TicketId, status: TicketStatus, note: str, key: str
    ) -> Receipt:
        """Change the status of one of the customer's tickets and add a note."""
        ticket = self.books.ticket(ticket_id)
        if ticket.customer_id != customer_id:
            message = f"ticket {ticket_id} is not a ticket of customer {customer_id}"
            raise ToolRejectedError(message)
        self.books.tickets[ticket_id] = replace(ticket, status=status, notes=(*ticket.notes, note))
        return receipt("TN", key, f"ticket {ticket_id} is {status}")

    @remote("crm", changes=True)
    def schedule_callback(self, *, customer_id: CustomerId, at: datetime, topic: str, key: str) -> Receipt:
        """Promise that a person calls the customer."""
        customer = self.books.customer(customer_id)
        if at <= self.books.now:
            message = f"a callback must lie in the future, got {at.isoformat()}"
            raise ToolRejectedError(message)
        return receipt("CB", key, f"{customer.phone} is called at {at:%Y-%m-%d %H:%M} ({topic})")

    @remote("crm", changes=True)
    def transfer_to_human(self, *, contact_id: ContactId, queue: Queue, brief: HandoffBrief, key: str) -> Receipt:
        """Hand the contact over to a person, with what they must know."""
        self.books.customer(brief.customer_id)
        return receipt("TR", key, f"contact {contact_id} waits in queue {queue}: {brief.reason}")

    @remote("crm", changes=True)
    def crm_upsert_contact(
        self,
        *,
        contact_id: ContactId,
        customer_id: CustomerId,
        channel: Channel,
        wrapup: Wrapup,
        key: str,
    ) -> Receipt:
        """Note how the contact ended."""
        self.books.customer(customer_id)
        self.books.past_contacts[contact_id] = PastContact(
            id=contact_id,
            customer_id=customer_id,
            channel=channel,
            ended_at=self.books.now,
            summary=wrapup.summary,
        )
        return receipt("WU", key, f"contact {contact_id} is noted: {wrapup.disposition}")

    @remote("crm", changes=True)
    def close_account(self, *, customer_id: CustomerId, key: str) -> Receipt:
        """Remove the account of a customer who awaits nothing."""
        self.books.require_level(customer_id, 2)
        awaited = [
            order.id for order in self.books.orders_of(customer_id) if order.status not in {"delivered", "cancelled"}
        ]
        if awaited:
            message = f"customer {customer_id} still awaits {', '.join(awaited)}; the account cannot be closed"
            raise ToolRejectedError(message)
        del self.books.customers[self.books.customer(customer_id).id]
        return receipt("CL", key, f"account {customer_id} is closed")

    def ruling_on_message(self, customer_id: CustomerId, recipient: str | None) -> Ruling:
        """Return what policy says of mailing the customer at this address; None is the one on record."""
        self.books.require_level(customer_id, 1)
        return policy.message(recipient, own=self.books.customer(customer_id).email)

    def ruling_on_goodwill(self, customer_id: CustomerId, cents: int) -> Ruling:
        """Return what policy says of giving this credit now."""
        self.books.require_level(customer_id, 1)
        return policy.goodwill(cents, given=self.books.customer(customer_id).goodwill_ytd_cents)
