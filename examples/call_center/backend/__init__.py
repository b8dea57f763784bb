"""The company's systems, as the desk reaches them. Imports the world, policy and `trunkline.tools`."""

from trunkline.examples.call_center.backend.answers import (
    CustomerRef,
    HandoffBrief,
    Profile,
    Receipt,
    Verification,
    Wrapup,
)
from trunkline.examples.call_center.backend.backend import CALM, ROUGH, Backend
from trunkline.examples.call_center.backend.books import Books
from trunkline.examples.call_center.backend.desks import Desks
from trunkline.examples.call_center.backend.lookups import Lookups
from trunkline.examples.call_center.backend.luck import Fate, Faults, System
from trunkline.examples.call_center.backend.messages import MessageTemplate
from trunkline.examples.call_center.backend.orders import OrderDesk
from trunkline.examples.call_center.backend.service import Queue, ServiceDesk
from trunkline.examples.call_center.backend.wire import Carrier, Effect, Wire

__all__ = [
    "CALM",
    "ROUGH",
    "Backend",
    "Books",
    "Carrier",
    "CustomerRef",
    "Desks",
    "Effect",
    "Fate",
    "Faults",
    "HandoffBrief",
    "Lookups",
    "MessageTemplate",
    "OrderDesk",
    "Profile",
    "Queue",
    "Receipt",
    "ServiceDesk",
    "System",
    "Verification",
    "Wire",
    "Wrapup",
]
