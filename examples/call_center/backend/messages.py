"""The fixed texts that the desk may send: an agent fills in fields and never writes freely."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Literal

from trunkline.tools import ToolRejectedError

MessageTemplate = Literal[
    "refund_confirmed",
    "order_cancelled",
    "delivery_moved",
    "exchange_booked",
    "address_changed",
    "callback_booked",
    "return_label",
]

TEXTS: Mapping[MessageTemplate, str] = {
    "refund_confirmed": "We have refunded {amount} for order {order_id}. It shows within 3 to 5 working days.",
    "order_cancelled": "Your order {order_id} is cancelled. Nothing was charged.",
    "delivery_moved": "Your order {order_id} now comes on {when}.",
    "exchange_booked": "Your exchange for order {order_id} is booked: {what}.",
    "address_changed": "Your order {order_id} now goes to {address}. If this was not you, call us at once.",
    "callback_booked": "We will call you at {when}.",
    "return_label": "The return label for order {order_id} is attached.",
}


def message_text(template: MessageTemplate, variables: Mapping[str, str]) -> str:
    """Return the text with its fields filled in; refuse other fields than the template's."""
    text = TEXTS[template]
    fields = {field for _, field, _, _ in Formatter().parse(text) if field}
    if fields != set(variables):
        message = f"template {template} takes {', '.join(sorted(fields))}, got {', '.join(sorted(variables))}"
        raise ToolRejectedError(message)
    return text.format_map(variables)
