"""The knowledge base: what the desk may tell customers, by version, and a search over it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from trunkline.examples.call_center.records import Article

TITLE_WEIGHT = 3
"""A word of the query in the title counts as much as three in the text."""


def search(articles: Sequence[Article], query: str, *, k: int, today: date) -> list[Article]:
    """Return at most `k` articles in force today that share words with the query, the best first."""
    words = _words(query) - _TOO_COMMON
    scored = [(_score(article, words), article) for article in in_force(articles, today=today)]
    found = [item for item in scored if item[0] > 0]
    return [article for _, article in sorted(found, key=lambda item: (-item[0], item[1].id))[:k]]


def in_force(articles: Sequence[Article], *, today: date) -> list[Article]:
    """Return of each article the version that holds today."""
    started = [article for article in articles if article.effective_from <= today]
    return list({article.id: article for article in sorted(started, key=lambda item: item.version)}.values())


def _score(article: Article, words: frozenset[str]) -> int:
    return TITLE_WEIGHT * len(words & _words(article.title)) + len(words & _words(article.text))


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]{3,}", text.lower()))


_TOO_COMMON = _words("the and for you your can with that this what how does are was not from have has")


def _article(number: int, title: str, text: str, *, version: int = 1, since: str = "2024-01-15") -> Article:
    return Article(
        id=f"A{number:02}",
        version=version,
        title=title,
        text=text,
        effective_from=date.fromisoformat(since),
    )


ARTICLES = (
    _article(
        1,
        "Return window",
        "An article can be returned within 14 days of delivery.",
    ),
    _article(
        1,
        "Return window",
        "An article can be returned within 30 days of delivery, unused or not. Day one is the day after delivery. "
        "After the window a return needs a supervisor.",
        version=2,
        since="2025-01-01",
    ),
    _article(
        1,
        "Return window",
        "An article can be returned within 45 days of delivery.",
        version=3,
        since="2025-07-01",
    ),
    _article(
        2,
        "How a refund is paid",
        "A refund goes back to the payment method of the order and shows within 3 to 5 working days. It is never paid "
        "to another card or account. Refunds over 50.00 are confirmed by a supervisor.",
    ),
    _article(
        3,
        "What can be refunded",
        "At most what was paid for the article and not refunded before. Delivery charges are refunded when the whole "
        "order goes back.",
    ),
    _article(
        4,
        "Sending an article back",
        "We e-mail a label. Small parcels are handed in at any drop-off point; furniture is picked up at home within "
        "a week, free of charge.",
    ),
    _article(
        5,
        "Damaged on arrival",
        "Report damage within 7 days with a photo. The customer chooses between a refund and a replacement. The "
        "damaged article need not be sent back if it costs less than 30.00.",
    ),
    _article(
        6,
        "Delivery times",
        "Parcels arrive 2 to 4 working days after they are packed, furniture within 10. The day before, the carrier "
        "sends a message with a two-hour window.",
    ),
    _article(
        7,
        "Moving a delivery",
        "A packed or shipped order can be moved once to another half day, without charge, until the evening before.",
    ),
    _article(
        8,
        "A parcel is late",
        "Two working days after the promised date we open a search with the carrier. After five the parcel counts as "
        "lost: the customer chooses between a refund and a new parcel.",
    ),
    _article(
        9,
        "Delivered but not found",
        "Ask for the neighbours, the porch and the parcel locker. Open a ticket if it is still missing a day later.",
    ),
    _article(
        10,
        "Cancelling an order",
        "A pending order is cancelled at once. A picked or packed order needs the warehouse's agreement. A shipped "
        "order cannot be cancelled: it can be refused at the door or returned.",
    ),
    _article(
        11,
        "Changing the address of an order",
        "Until an order is shipped its address can be changed after verification. A second change within 24 hours is "
        "checked by a supervisor.",
    ),
    _article(
        12,
        "Exchanging an article",
        "Delivered articles can be exchanged for another variant within the return window. The price difference is "
        "charged or paid back; differences over 100.00 are confirmed by a supervisor.",
    ),
    _article(
        13,
        "Credit as an apology",
        "For a failure on our side the desk may give up to 10.00 in store credit, in exceptional cases 15.00.",
    ),
    _article(
        13,
        "Credit as an apology",
        "For a failure on our side the desk may give up to 20.00 in store credit. More needs a supervisor. No "
        "customer gets more than 60.00 in a year.",
        version=2,
        since="2025-03-01",
    ),
    _article(
        14,
        "Verifying a customer",
        "Two of three: zip code, last name, PIN. After three failures the account is locked for the day and the "
        "customer is handed to a person.",
    ),
    _article(
        15,
        "Warranty on furniture",
        "Frames and legs carry a warranty of 5 years, fabrics and foam 2 years. Wear, moisture and home repairs are "
        "not covered.",
    ),
    _article(
        16,
        "Warranty on lamps and kettles",
        "Electrical articles carry a warranty of 2 years. Bulbs are not covered.",
    ),
    _article(
        17,
        "Mattress trial",
        "The Thistle mattress can be tried for 100 nights. It is picked up and refunded in full; only one trial per "
        "household.",
    ),
    _article(
        18,
        "Care of oak and walnut",
        "Wipe with a damp cloth, dry at once. Oil once a year with hardwax oil. Keep a hand's width away from "
        "radiators.",
    ),
    _article(
        19,
        "Washing wool and linen",
        "Linnet bed linen: 60 degrees. Meadow cushion covers: 30 degrees. The Bramble wool throw: cold hand wash, "
        "dry flat, never the tumble dryer.",
    ),
    _article(
        20,
        "Seasoning cast iron",
        "Wash the Cinder pan without soap, dry it on the stove, rub in a film of oil and heat it for an hour. It works "
        "on induction.",
    ),
    _article(
        21,
        "Bulbs and dimmers",
        "Alder, Beacon and Willow take an E26 bulb of up to 9 watts LED. Alder and Willow can be dimmed, Beacon "
        "cannot.",
    ),
    _article(
        22,
        "Assembly",
        "Calder, Halden and Quill come flat-packed with tools; two people need about 45 minutes. Norwell and Dunmore "
        "only need their legs screwed on. Bookcases must be fixed to the wall.",
    ),
    _article(
        23,
        "Will the sofa fit",
        "The Norwell sofa is 214 cm wide and comes in a box of 206 x 98 x 70 cm. The narrowest door on the way must be "
        "at least 76 cm wide.",
    ),
    _article(
        24,
        "Dishwasher and microwave",
        "Pebble and Sorrel stoneware may go into both. Orchard bowls, Tamarind blocks and Cinder pans may go into "
        "neither.",
    ),
    _article(
        25,
        "Talking to a person",
        "A customer who asks for a person gets one. Say the expected wait; offer a callback when it is over five "
        "minutes.",
    ),
)
