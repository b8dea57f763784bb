"""The tools that prove who a customer is, make good, write to them, and close their account."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

from trunkline import tool
from trunkline.examples.call_center.backend import MessageTemplate, Receipt, ServiceDesk, Verification
from trunkline.examples.call_center.canonical import canonical_json
from trunkline.examples.call_center.records import CustomerId
from trunkline.examples.call_center.tools.declaring import (
    APPROVAL_SECONDS,
    CRM_LIMIT,
    EFFECT_TIMEOUT,
    Cents,
    Customer,
    allowed,
    if_policy_asks,
    own_key,
    ruled_by,
)
from trunkline.tools import Tool, asking, untrusted

GoodwillReason = Literal["late_delivery", "damaged_item", "poor_service", "our_mistake", "other"]


def customer_tools(desk: ServiceDesk) -> list[Tool]:
    """Return the changes to what the company holds of a customer."""
    on_goodwill = ruled_by(desk.wire, desk.ruling_on_goodwill, "customer_id", "cents")
    on_message = ruled_by(desk.wire, desk.ruling_on_message, "customer_id", "recipient")

    async def goodwill_given(customer_id: CustomerId, cents: int, reason: str) -> Receipt | None:
        return await desk.find_goodwill(customer_id=customer_id, cents=cents, reason=reason)

    @tool(
        effect="write",
        key=_key_of_proof,
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
        requires=allowed(on_goodwill),
        confirm=untrusted("cents"),
        approve=if_policy_asks(on_goodwill),
        status=goodwill_given,
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
        requires=allowed(on_message),
        timeout=EFFECT_TIMEOUT,
    )
    async def send_message(
        customer_id: Customer, template: MessageTemplate, variables: dict[str, str], recipient: str | None = None
    ) -> Receipt:
        """Mail a fixed text to the customer's own address, with the template's fields filled in."""
        return await desk.send_message(
            customer_id=customer_id, template=template, variables=variables, recipient=recipient
        )

    @tool(
        effect="irreversible",
        key="close:{customer_id}",
        approve=asking(people=2, within=APPROVAL_SECONDS),
        timeout=EFFECT_TIMEOUT,
    )
    async def close_account(customer_id: Customer) -> Receipt:
        """Close the account of a customer who awaits nothing and has asked for it. This cannot be taken back."""
        return await desk.close_account(customer_id=customer_id, key=own_key())

    return [verify_customer, issue_goodwill, send_message, close_account]


def _key_of_proof(arguments: Mapping[str, Any]) -> str:
    """Name a verification by a digest of what the caller said, so that no key shows a PIN."""
    digest = hashlib.sha256(canonical_json(arguments).encode()).hexdigest()[:16]
    return f"verify:{arguments['customer_id']}:{digest}"
