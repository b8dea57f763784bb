"""The desks at which the company's systems are asked, over whichever wire."""

from __future__ import annotations

from trunkline.examples.call_center.backend.books import Books
from trunkline.examples.call_center.backend.lookups import Lookups
from trunkline.examples.call_center.backend.orders import OrderDesk
from trunkline.examples.call_center.backend.service import ServiceDesk
from trunkline.examples.call_center.backend.wire import Carrier


class Desks:
    """Lookups, orders and service: what tools are made of."""

    def __init__(self, wire: Carrier, books: Books) -> None:
        self.lookups = Lookups(wire, books)
        self.orders = OrderDesk(wire, books)
        self.service = ServiceDesk(wire, books)
