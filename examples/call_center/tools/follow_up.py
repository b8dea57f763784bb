"""The tools for what goes on after a contact: tickets, callbacks, people, notes."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from trunkline import tool
from trunkline.examples.call_center.backend import HandoffBrief, Queue, Receipt, ServiceDesk, Wrapup
from trunkline.examples.call_center.records import Channel, ContactId, TicketId, TicketStatus, Topic
from trunkline.examples.call_center.tools.declaring import (
    CRM_LIMIT,
    EFFECT_TIMEOUT,
    Customer,
    Order,
    own_key,
)
from trunkline.tools import Tool

Ticket = Annotated[TicketId, Field(description="id of a ticket, like T0112")]
Contact = Annotated[ContactId, Field(description="id of the present contact, like K0007")]
Note = Annotated[str, Field(min_length=1, max_length=300)]


def follow_up_tools(desk: ServiceDesk) -> list[Tool]:
    """Return the tools that leave work to others, or to later."""

    @tool(
        effect="write",
        key="ticket:{customer_id}:{order_id}:{topic}",
        writes="tickets:{customer_id}",
        timeout=EFFECT_TIMEOUT,
    )
    async def create_ticket(customer_id: Customer, order_id: Order, topic: Topic, body: Note) -> Receipt:
        """Open a ticket about an order for a matter that takes longer than this contact."""
        return await desk.create_ticket(
            customer_id=customer_id, order_id=order_id, topic=topic, body=body, key=own_key()
        )

    @tool(
        effect="write",
        key="note:{ticket_id}:{status}:{note}",
        writes="tickets:{customer_id}",
        timeout=EFFECT_TIMEOUT,
    )
    async def update_ticket(customer_id: Customer, ticket_id: Ticket, status: TicketStatus, note: Note) -> Receipt:
        """Change the status of a customer's ticket, with a note of why."""
        return await desk.update_ticket(
            customer_id=customer_id, ticket_id=ticket_id, status=status, note=note, key=own_key()
        )

    @tool(
        effect="write",
        key="callback:{customer_id}:{at}",
        writes="callbacks:{customer_id}",
        timeout=EFFECT_TIMEOUT,
        limit=CRM_LIMIT,
    )
    async def schedule_callback(customer_id: Customer, at: AwareDatetime, topic: Note) -> Receipt:
        """Promise that a person calls the customer at a time in the future."""
        return await desk.schedule_callback(customer_id=customer_id, at=at, topic=topic, key=own_key())

    @tool(
        effect="write",
        key="transfer:{contact_id}",
        writes="contact:{contact_id}",
        timeout=EFFECT_TIMEOUT,
        limit=CRM_LIMIT,
    )
    async def transfer_to_human(contact_id: Contact, queue: Queue, brief: HandoffBrief) -> Receipt:
        """Hand the contact over to a person. Do it when the caller asks for one, and when nothing else helps."""
        return await desk.transfer_to_human(contact_id=contact_id, queue=queue, brief=brief, key=own_key())

    return [create_ticket, update_ticket, schedule_callback, transfer_to_human]


def wrapup_tools(desk: ServiceDesk) -> list[Tool]:
    """Return the tool that notes how a contact ended. No agent on a contact has it."""

    @tool(
        effect="write",
        key="wrapup:{contact_id}",
        writes="contacts:{customer_id}",
        timeout=EFFECT_TIMEOUT,
        limit=CRM_LIMIT,
    )
    async def crm_upsert_contact(
        contact_id: Contact, customer_id: Customer, channel: Channel, wrapup: Wrapup
    ) -> Receipt:
        """Note in the CRM how a contact ended."""
        return await desk.crm_upsert_contact(
            contact_id=contact_id, customer_id=customer_id, channel=channel, wrapup=wrapup, key=own_key()
        )

    return [crm_upsert_contact]
