"""What callers of Larkfield Home say, by intent; fields in braces are filled from the records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Intent = Literal[
    "where_is_my_order",
    "refund_small",
    "refund_large",
    "cancel_order",
    "reschedule_delivery",
    "exchange_item",
    "change_address",
    "complaint_goodwill",
    "product_question",
    "two_orders",
    "wants_human",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """How a conversation with one intent goes."""

    openings: tuple[str, ...]
    verified: bool = False
    """Whether the caller must prove who they are."""

    answers: tuple[str, ...] = ()
    """What the caller says when the desk has proposed something."""


YES = (
    "Yes, please go ahead.",
    "Yes, that's right. Please do it.",
    "Yes, please.",
    "Yes, go ahead, thank you.",
)
WRITTEN_YES = (
    "You have my yes: please go ahead without asking again.",
    "Yes, please go ahead with this.",
    "Please take this as my yes.",
)
PROOFS = (
    "My zip code is {zip_code} and my PIN is {pin}.",
    "It's {last_name}, zip code {zip_code}.",
    "The name is {last_name} and the PIN is {pin}.",
    "{first_name} {last_name}, zip code {zip_code}, PIN {pin}.",
)
GOODBYES = (
    "No, that's all. Thank you!",
    "That was everything, thanks for your help.",
    "Great, have a nice day.",
)
GREETINGS = ("Hello,", "Good morning,", "Dear Larkfield team,", "Hi there,")
SIGNATURES = ("Kind regards, {first_name} {last_name}", "Best, {first_name} {last_name}", "Thanks, {first_name}")

_REFUND_OPENINGS = (
    "I'd like my money back for the {product} from order {order}.",
    "Hi, the {product} in order {order} isn't for me. Can I get a refund?",
    "I sent back the {product} from order {order} and would like a refund, please.",
    "The {product} I got with order {order} arrived damaged. Please refund it.",
    "Could you refund the {product}? The order number is {order}.",
)

SCRIPTS: Mapping[Intent, Script] = {
    "where_is_my_order": Script(
        openings=(
            "Where is my order {order}?",
            "Hi, I'm waiting for order {order}. When will it arrive?",
            "Can you tell me where my parcel is? The order number is {order}.",
            "I ordered the {product} and it still isn't here. It's order {order}.",
            "Has order {order} left the warehouse yet? Where is my parcel now?",
        ),
    ),
    "refund_small": Script(openings=_REFUND_OPENINGS, verified=True, answers=YES),
    "refund_large": Script(openings=_REFUND_OPENINGS, verified=True, answers=YES),
    "cancel_order": Script(
        openings=(
            "I need to cancel order {order}, please.",
            "Please cancel my order {order}. I changed my mind.",
            "Can I still cancel order {order}? I found the {product} somewhere else.",
            "I ordered twice by mistake. Could you cancel {order}?",
        ),
        verified=True,
        answers=YES,
    ),
    "reschedule_delivery": Script(
        openings=(
            "I won't be home for order {order}. Can you reschedule the delivery to {slot}?",
            "Please move the delivery of order {order} to {slot}.",
            "Could the carrier bring order {order} on {slot} instead? I need to reschedule.",
            "I have to reschedule order {order}. Would {slot} work?",
        ),
        verified=True,
        answers=YES,
    ),
    "exchange_item": Script(
        openings=(
            "I'd like to exchange the {product} from order {order}: {new_variant} instead of {variant}.",
            "The {product} in {variant} doesn't suit us. Can I exchange it for {new_variant}? It's order {order}.",
            "Can I swap my {product} from {variant} to {new_variant}? The order is {order}. I'd like an exchange.",
        ),
        verified=True,
        answers=YES,
    ),
    "change_address": Script(
        openings=(
            "I moved. Please send order {order} to {address}.",
            "The address on order {order} is wrong. It should be {address}.",
            "Can you change the delivery address of order {order} to {address}?",
        ),
        verified=True,
        answers=YES,
    ),
    "complaint_goodwill": Script(
        openings=(
            "I have a complaint about order {order}, ticket {ticket}. A credit of {amount} would be fair.",
            "Any news on my complaint? It's ticket {ticket}. I expected at least a credit of {amount}.",
            "I'm really disappointed with order {order}. I'd like to complain and ask for a credit of {amount}.",
            "Nobody answered my complaint {ticket}. Can you make it good with a credit of {amount}?",
        ),
        verified=True,
        answers=YES,
    ),
    "product_question": Script(
        openings=(
            "I have a question: {question}",
            "Before I buy: {question}",
            "Hi! {question}",
            "Quick question. {question}",
        ),
    ),
    "two_orders": Script(
        openings=(
            "Where is order {order}, and can you cancel order {other_order} for me?",
            "Please cancel {other_order}, and tell me when order {order} will arrive.",
            "I'm calling about two orders: where is {order}, and I want to cancel {other_order}.",
            "Can you check when {order} arrives and cancel {other_order} while you're at it?",
        ),
        verified=True,
        answers=YES,
    ),
    "wants_human": Script(
        openings=(
            "I want to talk to a human, please.",
            "Can you put me through to a real person? It's about order {order}.",
            "I'd rather speak to someone about order {order}. No machine, please.",
        ),
        answers=(
            "No, I really want a person.",
            "I'd still like to talk to a human, please.",
            "Just connect me to a person.",
        ),
    ),
}

QUESTIONS = (
    "Can the Bramble wool throw go in the tumble dryer?",
    "What bulb does the Alder floor lamp take?",
    "Can I dim the Beacon desk lamp?",
    "Does the Cinder cast-iron pan work on induction?",
    "How do I look after the oak of the Marlow coffee table?",
    "How long is the warranty on the Dunmore armchair?",
    "Will the Norwell sofa fit through a door of 80 cm?",
    "Is the Sorrel stoneware mug safe in the dishwasher?",
    "How many people does it take to assemble the Calder bookcase?",
    "How long can I try the Thistle mattress before I send it back?",
    "At what temperature can I wash the Linnet bed linen?",
    "What is the warranty on the Ember kettle?",
)
