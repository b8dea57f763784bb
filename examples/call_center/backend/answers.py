"""What the company's systems answer, besides the records themselves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from trunkline.examples.call_center.records import Address, Customer, CustomerId, PaymentId, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRef:
    """A customer that was found; enough to greet, too little to disclose."""

    customer_id: CustomerId
    first_name: str

    @classmethod
    def of(cls, customer: Customer) -> CustomerRef:
        """Return the reference to this customer."""
        return cls(customer_id=customer.id, first_name=customer.first_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A customer as the desk sees one: without the PIN."""

    customer_id: CustomerId
    name: str
    email: str
    phone: str
    address: Address
    tier: Tier
    payment_ids: tuple[PaymentId, ...]
    recording_consent: bool
    goodwill_ytd_cents: int
    verified_level: int

    @classmethod
    def of(cls, customer: Customer, *, verified_level: int) -> Profile:
        """Return what the desk may see of this customer."""
        return cls(
            customer_id=customer.id,
            name=f"{customer.first_name} {customer.last_name}",
            email=customer.email,
            phone=customer.phone,
            address=customer.address,
            tier=customer.tier,
            payment_ids=customer.payment_ids,
            recording_consent=customer.recording_consent,
            goodwill_ytd_cents=customer.goodwill_ytd_cents,
            verified_level=verified_level,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """How well a customer has proved who they are."""

    customer_id: CustomerId
    level: int
    """0: not at all, 1: one factor, 2: two factors, which money and addresses need."""

    attempts_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A system's word that it did what was asked."""

    number: str
    text: str
    cents: int = 0
    """Money that moved to the customer; below 0, from the customer."""


def receipt(prefix: str, identity: str, text: str, *, cents: int = 0) -> Receipt:
    """Return a receipt whose number follows from the identity of the effect, and so from no order of events."""
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    return Receipt(number=f"{prefix}-{digest.upper()}", text=text, cents=cents)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffBrief:
    """What a person must know to take over without asking again."""

    customer_id: CustomerId
    reason: str
    summary: str
    tried: tuple[str, ...] = ()
    promised: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapup:
    """What is noted of a contact when it has ended."""

    summary: str
    disposition: Literal["resolved", "refund_declined", "handed_over", "callback", "abandoned"]
    commitments: tuple[str, ...] = ()
