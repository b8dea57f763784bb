"""Which tools an agent is given: one on a contact, and one that works after it."""

from __future__ import annotations

from trunkline import Toolbox
from trunkline.examples.call_center.backend import Desks
from trunkline.examples.call_center.tools.customers import customer_tools
from trunkline.examples.call_center.tools.follow_up import follow_up_tools, wrapup_tools
from trunkline.examples.call_center.tools.lookups import lookup_tools
from trunkline.examples.call_center.tools.orders import order_tools


def contact_toolbox(backend: Desks) -> Toolbox:
    """Return the tools of an agent that talks with a customer: all but the note of how the contact ended."""
    return Toolbox(
        [
            *lookup_tools(backend.lookups),
            *order_tools(backend.orders),
            *customer_tools(backend.service),
            *follow_up_tools(backend.service),
        ]
    )


def after_call_toolbox(backend: Desks) -> Toolbox:
    """Return the tools for what remains to be done when the customer has gone: nothing that moves money."""
    return Toolbox([*wrapup_tools(backend.service), *follow_up_tools(backend.service)])
