"""The 16 tools of the retail agent, declared over a shop."""

from __future__ import annotations

from retail.item_tools import item_tools
from retail.lookup_tools import lookup_tools
from retail.order_tools import order_tools
from retail.pace import Pace
from retail.shop import Shop
from trunkline import Toolbox


def retail_toolbox(shop: Shop, pace: Pace) -> Toolbox:
    """Return the tools over `shop`; each call takes the time that `pace` gives it."""
    return Toolbox([*lookup_tools(shop, pace), *order_tools(shop, pace), *item_tools(shop, pace)])
