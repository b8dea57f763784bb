"""Toolboxes."""

import pytest

from trunkline.errors import DuplicateToolError, ToolDeclarationError
from trunkline.tools import Effect, Toolbox, tool
from trunkline.tools.signature import Function

UNTYPED: Function = eval("lambda order_id: order_id")


def look(order_id: str) -> str:
    """Look."""
    return order_id


def test_tools_keep_the_order_in_which_they_were_given() -> None:
    """The model reads them in that order, and plain functions are tools too."""
    find = tool(effect="read", name="find")(look)
    box = Toolbox([look, find])

    assert (box.names, len(box), [made.effect for made in box]) == (
        ["look", "find"],
        2,
        [Effect.UNDECLARED, Effect.READ],
    )
    assert [given["function"]["name"] for given in box.specifications()] == ["look", "find"]
    assert (box.get("find"), box.get("lose")) == (find, None)


def test_two_tools_of_one_name_are_refused() -> None:
    """The error names both places."""
    with pytest.raises(DuplicateToolError) as raised:
        Toolbox([look, tool(effect="read")(look)])

    place = tool(look).source
    assert str(raised.value) == f"two tools are called 'look' ({place} and {place}); rename one with name="


def test_a_function_without_types_is_refused() -> None:
    """Plain functions must be typed like tools."""
    with pytest.raises(ToolDeclarationError, match="parameter 'order_id' has no type"):
        Toolbox([UNTYPED])
