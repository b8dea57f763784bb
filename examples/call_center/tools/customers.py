"""The tools that prove who a customer is, make good, write to them, and close their account."""

from __future__ import annotations

from typing import Literal

from trunkline import tool
from trunkline.examples.call_center.backend import MessageTemplate, Receipt, ServiceDesk, Verification
from trunkline.examples.call_center.tools.declaring import (
    CRM_LIMIT,
    EFFECT_TIMEOUT,
    Cents,
    Customer,
    if_policy_asks,
    own_key,
)
from trunkline.tools import Tool

GoodwillReason = Literal["late_delivery", "damaged_item", "poor_service", "our_mistake", "other"]


def customer_tools(desk: ServiceDesk) -> list[Tool]:
    """Return the changes to what the company holds of a customer."""

    @tool(
        effect="write",
        key="verify:{customer_id}:{zip_code}:{last_name}:{pin}",
        writes="verification:{customer_id}",
        timeout=EFFECT_TIMEOUT,
        limit=CRM_LIMIT,
    )
    async def verify_customer(
        customer_id: Customer,
        zip_code: str | None = None,
        last_name: str | None = None,
        pin: str | None = None,
    ) -> Verification:
        """Check what the caller knows. Two right factors give level 2; after three failures hand over to a person."""
        return await desk.verify_customer(
            customer_id=customer_id, zip_code=zip_code, last_name=last_name, pin=pin, key=own_key()
        )

    @tool(
        effect="write_once",
        key="goodwill:{customer_id}:{reason}",
        reads="verification:{customer_id}",
        writes="customer:{customer_id}",
        approve=if_policy_asks(lambda a: desk.ruling_on_goodwill(a["customer_id"], a["cents"])),
        timeout=EFFECT_TIMEOUT,
    )
    async def issue_goodwill(customer_id: Customer, cents: Cents, reason: GoodwillReason) -> Receipt:
        """Give store credit as an apology for a failure of ours. The customer must be verified to level 1."""
        return await desk.issue_goodwill(customer_id=customer_id, cents=cents, reason=reason)

    @tool(
        effect="write_once",
        key="message:{customer_id}:{template}:{variables}",
        reads="verification:{customer_id}",
        writes="outbox:{customer_id}",
        timeout=EFFECT_TIMEOUT,
    )
    async def send_message(customer_id: Customer, template: MessageTemplate, variables: dict[str, str]) -> Receipt:
        """Mail a fixed text to the customer's own address, with the template's fields filled in."""
        return await desk.send_message(customer_id=customer_id, template=template, variables=variables)

    @tool(effect="irreversible", key="close:{customer_id}", approve=True, timeout=EFFECT_TIMEOUT)
    async def close_account(customer_id: Customer) -> Receipt:
        """Close the account of a customer who awaits nothing and has asked for it. This cannot be taken back."""
        return await desk.close_account(customer_id=customer_id, key=own_key())

    return [verify_customer, issue_goodwill, send_message, close_account]
