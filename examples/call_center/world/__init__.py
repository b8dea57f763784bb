"""The generated company: customers, orders, shipments, tickets, knowledge. Imports only the records."""

from trunkline.examples.call_center.world.catalogue import PRODUCTS, Product, product
from trunkline.examples.call_center.world.knowledge import search
from trunkline.examples.call_center.world.world import (
    BUSINESS_DAY,
    DEFAULT_SEED,
    OPENING,
    World,
    generate_world,
    some_address,
)

__all__ = [
    "BUSINESS_DAY",
    "DEFAULT_SEED",
    "OPENING",
    "PRODUCTS",
    "Product",
    "World",
    "generate_world",
    "product",
    "search",
    "some_address",
]
