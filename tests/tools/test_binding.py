"""Requests that are wrong in themselves."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, Field

from stand_ins.calls import ask, outcomes
from trunkline.tools import Done, Failed, FailureKind, ToolRequest, tool


class Line(BaseModel):
    sku: str
    count: int


@tool(effect="read", reads=())
async def order(lines: list[Line], note: str = "") -> int:
    """Order."""
    return sum(line.count for line in lines) + len(note)


@tool(effect="read", reads=())
async def ping() -> str:
    """Answer."""
    return "pong"


def rejected(message: str) -> Failed:
    return Failed(kind=FailureKind.REJECTED, message=message)


async def test_an_unknown_tool_is_a_result_that_names_the_tools_there_are() -> None:
    """The model can correct itself, and the siblings run."""
    ended = await outcomes([order, ping], ask("oder"), ask(ping))

    assert ended == [rejected("there is no tool 'oder'; the tools are: order, ping"), Done(output="pong")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "lines: Field required"),
        ({"lines": [], "notes": "x"}, "notes: Extra inputs are not permitted"),
        ({"lines": [{"sku": "a", "count": "many"}]}, "lines.0.count: Input should be a valid integer"),
        ({"lines": 1, "note": 2}, "lines: Input should be a valid list; note: Input should be a valid string"),
    ],
)
async def test_invalid_arguments_are_a_result_that_names_each_place(arguments: dict[str, Any], said: str) -> None:
    """Everything wrong is said at once, and the siblings run."""
    [refused, sibling] = await outcomes([order, ping], ask(order, **arguments), ask(ping))

    assert isinstance(refused, Failed)
    assert refused.kind is FailureKind.REJECTED
    assert refused.message.startswith(f"the arguments of 'order' are not valid: {said}")
    assert sibling == Done(output="pong")


async def test_half_an_emoji_is_refused() -> None:
    """No database and no endpoint would take it, and the batch would end there."""
    [refused, sibling] = await outcomes([order, ping], ask(order, lines=[], note="\ud83d"), ask(ping))

    assert isinstance(refused, Failed)
    assert refused.message.startswith("the arguments of 'order' cannot be written as JSON: ")
    assert sibling == Done(output="pong")


async def test_a_request_that_is_no_json_is_a_result() -> None:
    """A model that broke off in its arguments is told so."""
    broken = ToolRequest(name="order", arguments={}, tool_call_id="c", problem='the arguments are not JSON: {"lin')

    assert await outcomes([order, ping], broken, ask(ping)) == [
        rejected('the arguments are not JSON: {"lin'),
        Done(output="pong"),
    ]


def resources(arguments: Mapping[str, Any]) -> Iterable[str]:
    """A function with a mistake in it."""
    return [arguments["order_id"].lower()]


def check(value: str) -> str:
    return {"good": value}[value]


@tool(effect="read", reads=resources)
async def look(order_id: int) -> int:
    """Look."""
    return order_id


@tool(effect="read", reads=())
async def verify(word: Annotated[str, AfterValidator(check)]) -> str:
    """Verify."""
    return word


@tool(effect="read", reads=())
async def count(number: Annotated[str, Field(gt=3)]) -> str:
    """Count."""
    return number


@tool(effect="write", key="pay:{amount}", writes=(), approve=lambda arguments: "much" if arguments["sum"] else None)
async def pay(amount: int) -> int:
    """Pay."""
    return amount


@pytest.mark.parametrize(
    "request_",
    [ask(look, order_id=1), ask(verify, word="bad"), ask(count, number="x"), ask(pay, amount=1)],
    ids=lambda request: request.name,
)
async def test_a_fault_in_a_declarations_own_code_is_a_result(request_: ToolRequest) -> None:
    """Functions for resources, validators and approval rules cannot take the siblings down; nothing has run."""
    [broken, sibling] = await outcomes([look, verify, count, pay, ping], request_, ask(ping))

    assert isinstance(broken, Failed)
    assert broken.kind is FailureKind.BUG
    assert broken.message.startswith(f"tool '{request_.name}' is broken: its declaration raised")
    assert sibling == Done(output="pong")
