"""A generated day of contacts: who gets in touch, when, through which channel, and what they say."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from typing import TypeVar

from trunkline.examples.call_center.canonical import canonical_json
from trunkline.examples.call_center.day.cases import About, Case, cases
from trunkline.examples.call_center.day.phrases import (
    GOODBYES,
    GREETINGS,
    PROOFS,
    SCRIPTS,
    SIGNATURES,
    WRITTEN_YES,
    Intent,
)
from trunkline.examples.call_center.records import Channel, ContactId, Customer, CustomerId
from trunkline.examples.call_center.world import BUSINESS_DAY, DEFAULT_SEED, World

CONTACTS = 3000

INTENTS_IN_FORTY: Mapping[Intent, int] = {
    "where_is_my_order": 11,
    "refund_small": 4,
    "refund_large": 3,
    "cancel_order": 4,
    "reschedule_delivery": 3,
    "exchange_item": 2,
    "change_address": 3,
    "complaint_goodwill": 3,
    "product_question": 4,
    "two_orders": 1,
    "wants_human": 2,
}
"""Forty contacts in a row, counted from the first, hold each intent so many times."""

CHANNELS_IN_TEN: Mapping[Channel, int] = {"voice": 7, "chat": 2, "email": 1}

ARRIVALS_BY_HOUR: Mapping[int, int] = {
    7: 15,
    8: 55,
    9: 105,
    10: 135,
    11: 110,
    12: 75,
    13: 75,
    14: 95,
    15: 110,
    16: 90,
    17: 60,
    18: 40,
    19: 20,
    20: 15,
}
"""Of a thousand contacts, how many arrive in the hour: a peak before noon and a lower one after."""

_BUNCHING = 1.3
"""More than 1: people call soon after the full hour."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Somebody gets in touch with the desk about one matter."""

    id: ContactId
    channel: Channel
    arrived_at: datetime
    caller: str
    """What the channel shows before a word is said: the phone number or the e-mail address."""

    language: str
    """BCP 47. The generated day is all English."""

    intent: Intent
    about: About
    says: tuple[str, ...]
    """The caller's turns. An e-mail is one."""

    @property
    def customer_id(self) -> CustomerId:
        """Who it is."""
        return self.about.customer_id


def generate_day(world: World, seed: int = DEFAULT_SEED, contacts: int = CONTACTS) -> list[Contact]:
    """Return the day's contacts in the order of their arrival.

    A day has more contacts than the world has orders: some matters come up twice, as with people who call again.
    """
    rng = Random(f"{seed}:day")
    customers = {customer.id: customer for customer in world.customers}
    piles = {intent: _dealt(pile, rng) for intent, pile in cases(world, rng).items()}
    channels = _dealt(_deck(CHANNELS_IN_TEN), rng)
    intents = _dealt(_deck(INTENTS_IN_FORTY), rng)
    day: list[Contact] = []
    for number, arrived_at in enumerate(_arrivals(contacts, rng), 1):
        intent = next(intents)
        case, channel = next(piles[intent]), next(channels)
        customer = customers[case.about.customer_id]
        contact = Contact(
            id=ContactId(f"K{number:04}"),
            channel=channel,
            arrived_at=arrived_at,
            caller=customer.email if channel == "email" else customer.phone,
            language="en",
            intent=intent,
            about=case.about,
            says=_conversation(intent, channel, case, customer, rng),
        )
        day.append(contact)
    return day


def fingerprint(world: World, day: Sequence[Contact]) -> str:
    """Return the SHA-256 of the world and the day: equal in every process for equal seeds."""
    return hashlib.sha256(canonical_json([world, day]).encode()).hexdigest()


def _deck(counts: Mapping[_T, int]) -> list[_T]:
    return [card for card, count in counts.items() for _ in range(count)]


def _dealt(cards: Sequence[_T], rng: Random) -> Iterator[_T]:
    """Yield the cards in random order, all of them before any comes again."""
    while True:
        yield from rng.sample(cards, len(cards))


def _arrivals(count: int, rng: Random) -> list[datetime]:
    hours = islice(_dealt(_deck(ARRIVALS_BY_HOUR), rng), count)
    seconds = (hour * 3600 + int(3600 * rng.random() ** _BUNCHING) for hour in hours)
    return [BUSINESS_DAY + timedelta(seconds=moment) for moment in sorted(seconds)]


def _conversation(intent: Intent, channel: Channel, case: Case, customer: Customer, rng: Random) -> tuple[str, ...]:
    script = SCRIPTS[intent]
    turns = [rng.choice(script.openings)]
    if script.verified:
        turns.append(rng.choice(PROOFS))
    if script.answers:
        turns.append(rng.choice(script.answers))
    written = channel == "email"
    if written:
        turns = _as_letter(turns, rng, confirmed=script.verified)
    elif rng.random() < 0.5:
        turns.append(rng.choice(GOODBYES))
    words = _words(case, customer)
    said = [turn.format_map(words) for turn in turns]
    return (" ".join(said),) if written else tuple(said)


def _as_letter(turns: Sequence[str], rng: Random, *, confirmed: bool) -> list[str]:
    body = [*turns[:2], rng.choice(WRITTEN_YES)] if confirmed else list(turns)
    return [rng.choice(GREETINGS), *body, rng.choice(SIGNATURES)]


def _words(case: Case, customer: Customer) -> Mapping[str, str]:
    return {
        **case.words,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "zip_code": customer.address.zip_code,
        "pin": customer.pin,
    }
