"""Tools that look something up. Each names what it reads; what no tool ever changes needs no name: `reads=()`."""

from __future__ import annotations

from typing import TypedDict

from retail import resources
from retail.calculator import calculate as value_of
from retail.pace import Pace
from retail.records import Order, Product, User, Variant
from retail.shop import Shop
from trunkline.tools import Tool, ToolRejectedError, tool


class Item(TypedDict):
    """An item, and the product that it is a variant of."""

    product_id: str
    name: str
    item: Variant


def lookup_tools(shop: Shop, pace: Pace) -> list[Tool]:
    """Return the tools that find users, show records, and calculate."""
    return [*_user_searches(shop, pace), *_details(shop, pace), *_catalogue(shop, pace)]


def _user_searches(shop: Shop, pace: Pace) -> list[Tool]:
    records = shop.records

    @tool(effect="read", reads=())
    async def find_user_id_by_email(email: str) -> str:
        """Find a customer's user id by email."""
        await pace.wait("find_user_id_by_email", email=email)
        found = records.users_by_email.get(email.lower())
        if found is None:
            raise ToolRejectedError(f"no user has the email {email!r}; ask for name and zip code")
        return found

    @tool(effect="read", reads=resources.zip_codes(records))
    async def find_user_id_by_name_zip(first_name: str, last_name: str, zip: str) -> str:  # noqa: A002 - the benchmark's name
        """Find a customer's user id by first name, last name and the zip code of the default address."""
        await pace.wait("find_user_id_by_name_zip", first_name=first_name, last_name=last_name, zip=zip)
        namesakes = records.users_by_name.get((first_name.lower(), last_name.lower()), ())
        for user_id in namesakes:
            if shop.address(user_id)["zip"] == zip:
                return user_id
        raise ToolRejectedError(f"no user is called {first_name} {last_name} at zip code {zip!r}; ask for the email")

    return [find_user_id_by_email, find_user_id_by_name_zip]


def _details(shop: Shop, pace: Pace) -> list[Tool]:
    @tool(effect="read", reads=resources.profile(shop.records))
    async def get_user_details(user_id: str) -> User:
        """Show a customer's profile: name, email, default address, payment methods and orders."""
        await pace.wait("get_user_details", user_id=user_id)
        return shop.user(user_id)

    @tool(effect="read", reads=resources.one_order)
    async def get_order_details(order_id: str) -> Order:
        """Show an order: its status, items, address, parcels and payments."""
        await pace.wait("get_order_details", order_id=order_id)
        return shop.order(order_id)

    @tool(effect="read", reads=())
    async def get_product_details(product_id: str) -> Product:
        """Show a product with all its items, their options, availability and prices."""
        await pace.wait("get_product_details", product_id=product_id)
        return shop.product(product_id)

    @tool(effect="read", reads=())
    async def get_item_details(item_id: str) -> Item:
        """Show one item of a product: its options, availability and price."""
        await pace.wait("get_item_details", item_id=item_id)
        product, item = shop.item(item_id)
        return {"product_id": product["product_id"], "name": product["name"], "item": item}

    return [get_user_details, get_order_details, get_product_details, get_item_details]


def _catalogue(shop: Shop, pace: Pace) -> list[Tool]:
    @tool(effect="read", reads=())
    async def list_all_product_types() -> dict[str, str]:
        """List all products: their ids by name."""
        await pace.wait("list_all_product_types")
        return {product["name"]: product_id for product_id, product in sorted(shop.records.products.items())}

    @tool(effect="read", reads=())
    async def calculate(expression: str) -> float:
        """Calculate with numbers, + - * / and parentheses. The result is rounded to two decimals."""
        await pace.wait("calculate", expression=expression)
        return value_of(expression)

    return [list_all_product_types, calculate]
