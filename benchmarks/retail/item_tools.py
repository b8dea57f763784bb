"""Tools that change, exchange and take back the items of an order. Keys as in `order_tools`."""

from __future__ import annotations

from retail import items, resources
from retail.pace import Pace
from retail.records import Order
from retail.shop import Shop
from trunkline.tools import Tool, tool


def item_tools(shop: Shop, pace: Pace) -> list[Tool]:
    """Return the tools for the items of pending and of delivered orders."""
    return [_modification(shop, pace), _exchange(shop, pace), _return(shop, pace)]


def _modification(shop: Shop, pace: Pace) -> Tool:
    @tool(
        effect="write",
        key="modify-items:{order_id}:{item_ids}:{new_item_ids}:{payment_method_id}",
        writes=resources.settled(shop.records),
    )
    async def modify_pending_order_items(
        order_id: str, item_ids: list[str], new_item_ids: list[str], payment_method_id: str
    ) -> Order:
        """Replace items of a pending order by other items of the same products. Possible once for an order."""
        change = items.modify(shop, order_id, item_ids, new_item_ids, payment_method_id)
        await pace.wait(
            "modify_pending_order_items",
            order_id=order_id,
            item_ids=item_ids,
            new_item_ids=new_item_ids,
            payment_method_id=payment_method_id,
        )
        return shop.write_order(change)

    return modify_pending_order_items


def _exchange(shop: Shop, pace: Pace) -> Tool:
    @tool(
        effect="write",
        key="exchange-items:{order_id}:{item_ids}:{new_item_ids}:{payment_method_id}",
        writes=resources.settled(shop.records),
    )
    async def exchange_delivered_order_items(
        order_id: str, item_ids: list[str], new_item_ids: list[str], payment_method_id: str
    ) -> Order:
        """Exchange items of a delivered order for other items of the same products. Possible once for an order."""
        change = items.exchange(shop, order_id, item_ids, new_item_ids, payment_method_id)
        await pace.wait(
            "exchange_delivered_order_items",
            order_id=order_id,
            item_ids=item_ids,
            new_item_ids=new_item_ids,
            payment_method_id=payment_method_id,
        )
        return shop.write_order(change)

    return exchange_delivered_order_items


def _return(shop: Shop, pace: Pace) -> Tool:
    @tool(effect="write", key="return-items:{order_id}:{item_ids}:{payment_method_id}", writes=resources.one_order)
    async def return_delivered_order_items(order_id: str, item_ids: list[str], payment_method_id: str) -> Order:
        """Take back items of a delivered order. The refund goes to its payment method or to a gift card."""
        change = items.take_back(shop, order_id, item_ids, payment_method_id)
        await pace.wait(
            "return_delivered_order_items", order_id=order_id, item_ids=item_ids, payment_method_id=payment_method_id
        )
        return shop.write_order(change)

    return return_delivered_order_items
