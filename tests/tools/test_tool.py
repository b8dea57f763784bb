"""Declarations of tools."""

import functools
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from stand_ins.calls import ask, outcomes
from trunkline.errors import ToolDeclarationError
from trunkline.tools import Done, Effect, IdempotencyKey, Tool, over, tool
from trunkline.tools.signature import Function


class Address(BaseModel):
    street: str
    number: int


@dataclass(frozen=True)
class Parcel:
    weight: float
    size: tuple[int, int]


class Foreign:
    """A class that JSON knows nothing of."""


async def good(order_id: str, amount: float = 1.0) -> str:
    """Do something good."""
    return f"{order_id} {amount}"


def here(function: Function) -> str:
    return f"{Path(function.__code__.co_filename).name}:{function.__code__.co_firstlineno}"


def written(code: str) -> Function:
    """The function of this code, which no type checker would let pass."""
    scope: dict[str, Any] = {}
    exec(code, scope)
    return next(value for name, value in scope.items() if name != "__builtins__")


def problems(function: Function, **declaration: Any) -> list[str]:
    with pytest.raises(ToolDeclarationError) as raised:
        tool(**declaration)(function)
    assert raised.value.where == here(function)
    assert str(raised.value).startswith(f"tool '{raised.value.tool}' ({here(function)}): ")
    assert "\n" not in str(raised.value)
    return raised.value.problems


def test_a_bare_decorator_makes_a_tool_without_a_declared_effect() -> None:
    """The function's name and docstring are what the model sees."""
    made = tool(good)

    assert (made.name, made.description, made.effect) == ("good", "Do something good.", Effect.UNDECLARED)
    assert (made.source, made.blocking) == (here(good), False)


async def test_the_bare_function_stays_within_reach() -> None:
    """A test of a tool needs no executor."""
    made = tool(effect="read", name="fine")(good)

    assert (made.name, await made.function("A1", amount=2.0)) == ("fine", "A1 2.0")


def test_a_model_is_given_a_json_schema() -> None:
    """Types, defaults and descriptions of the parameters reach the model, and nothing else may be passed."""

    @tool(effect="read")
    def ship(to: Address, speed: Annotated[Literal["slow", "fast"], Field(description="how fast")] = "slow") -> str:
        """Ship it."""
        return f"{to} {speed}"

    function = ship.specification()["function"]
    assert ship.specification()["type"] == "function"
    assert (function["name"], function["description"]) == ("ship", "Ship it.")
    assert function["parameters"]["required"] == ["to"]
    assert function["parameters"]["additionalProperties"] is False
    assert function["parameters"]["properties"]["speed"]["description"] == "how fast"


def test_a_tool_without_parameters_still_has_a_schema() -> None:
    """Endpoints refuse a function whose parameters have no properties."""

    @tool(effect="read")
    def now() -> str:
        """Tell the time."""
        return "noon"

    assert now.specification()["function"]["parameters"] == {
        "additionalProperties": False,
        "properties": {},
        "type": "object",
    }


async def test_a_tool_gets_values_of_its_own_types_and_returns_them_as_json() -> None:
    """Models, dataclasses and days are made of the model's JSON, and are JSON again in the result."""

    @tool(effect="read")
    async def pack(address: Address, parcel: Parcel, day: date, tags: set[str]) -> dict[str, object]:
        """Pack."""
        assert (parcel.size, day, tags) == ((1, 2), date(2026, 5, 1), {"x"})
        return {"street": address.street, "parcel": parcel, "day": day, "address": address}

    parcel = {"weight": 1.5, "size": [1, 2]}
    home = {"street": "Elm", "number": 1}
    ended = await outcomes([pack], ask(pack, address=home, parcel=parcel, day="2026-05-01", tags=["x", "x"]))

    assert ended == [Done(output={"street": "Elm", "parcel": parcel, "day": "2026-05-01", "address": home})]


async def test_parameters_may_have_names_that_pydantic_uses_itself() -> None:
    """`json`, `copy` or `schema` are ordinary words to a tool."""

    @tool(effect="read")
    async def convert(json: str, copy: int, schema: str, model_name: str = "m") -> str:
        """Convert."""
        return f"{json} {copy} {schema} {model_name}"

    assert await outcomes([convert], ask(convert, json="j", copy=2, schema="s")) == [Done(output="j 2 s m")]


@pytest.mark.parametrize(
    ("declaration", "problem"),
    [
        ({"effect": "write"}, 'a write needs the identity of its effect: add key=, like key="refund:{order_id}"'),
        ({"effect": "read", "key": "x"}, "a read has neither key= nor writes="),
        ({"effect": "read", "writes": "x"}, "a read has neither key= nor writes="),
        ({"effect": "writ"}, "effect 'writ' is not known: write read, write, write_once or irreversible"),
        ({"timeout": 0}, "timeout must be more than 0 seconds, got 0"),
        ({"limit": 0}, "limit must be at least 1 call, got 0"),
        ({"key": "k:{ordre_id}"}, "template field {ordre_id} is not one of its arguments"),
        ({"writes": ["a:{x}", "b:{order_id}"]}, "template field {x} is not one of its arguments"),
        ({"reads": "a:{"}, "template 'a:{' has unbalanced braces"),
        ({"key": "k:{order_id!r}"}, "template 'k:{order_id!r}' has the field {order_id}, which is more than a name"),
        ({"approve": over(50, of="amuont")}, "approve=over(..., of='amuont') is not one of its arguments"),
        ({"name": "do it!"}, "its name 'do it!' is not one that models can call"),
    ],
)
def test_a_wrong_declaration_says_what_to_write_instead(declaration: dict[str, Any], problem: str) -> None:
    """The error names the tool, the file and the line."""
    [found] = problems(good, **declaration)

    assert problem in found


def test_everything_that_is_wrong_is_said_at_once() -> None:
    """Nobody mends a declaration one error at a time."""
    bad = written("def bad(a, *rest: int, b: int = 1): ...")

    found = problems(bad, effect="write", writes="x:{c}", timeout=-1, limit=0)
    assert found == [
        "parameter 'a' has no type: annotate it, like a: str",
        "parameter 'rest' must be a named one: a model passes arguments by name",
        "it has no docstring: write one sentence that tells the model what it does",
        "template field {c} is not one of its arguments",
        'a write needs the identity of its effect: add key=, like key="refund:{order_id}"',
        "timeout must be more than 0 seconds, got -1",
        "limit must be at least 1 call, got 0",
    ]


def test_a_type_that_json_cannot_hold_is_refused_where_it_is_declared() -> None:
    """Not first when a model is given the tool."""

    def odd(thing: Foreign) -> None:
        """Do."""

    def call_back(then: Callable[[], int]) -> None:
        """Do."""

    for function in (odd, call_back):
        [found] = problems(function, effect="write", key="k:{thing}:{then}".replace("{then}", "x"))[:1]
        assert found.startswith("a type cannot be read from JSON (")


def test_annotations_that_cannot_be_read_are_one_problem() -> None:
    """The parameters that they belong to are not called untyped on top."""
    late = written("def late(a: 'Missing', b: int): 'Do.'")

    [found] = problems(late, reads="x:{a}")
    assert found.startswith("its annotations cannot be read (name 'Missing' is not defined)")


@pytest.mark.parametrize("name", ["_secret", "model_config", "model_fields"])
def test_a_parameter_that_pydantic_would_swallow_is_refused(name: str) -> None:
    """Otherwise the model could never pass it."""
    swallowed = written(f"def swallowed({name}: str): 'Do.'")

    assert problems(swallowed, effect="read") == [f"parameter {name!r} has a name that cannot be used: rename it"]


def test_a_function_that_yields_is_refused() -> None:
    """A call has one result."""

    async def stream(order_id: str) -> AsyncGenerator[str]:
        """Stream."""
        yield order_id

    def spell(order_id: str) -> Iterator[str]:
        """Spell."""
        yield from order_id

    assert [problems(each, effect="read") for each in (stream, spell)] == [["it yields: return one result instead"]] * 2


def test_a_method_is_told_how_to_be_a_tool() -> None:
    """`self` is nothing that a model could pass."""
    [found] = problems(written("def method(self, a: str): 'Do.'"))

    assert found == "it is a method: make it a function inside a function that gets the object"


def test_what_is_wrapped_is_named_by_its_own_place() -> None:
    """A decorator that keeps `__wrapped__` does not hide the function."""

    @functools.wraps(good)
    async def wrapper(*args: Any, **arguments: Any) -> str:
        return await good(*args, **arguments)

    made: Tool = tool(wrapper)
    assert (made.source, list(made.parameters.schema()["properties"])) == (here(good), ["order_id", "amount"])


@pytest.mark.parametrize("blocking", [False, True])
async def test_a_parameter_that_is_the_key_is_filled_and_not_shown(blocking: bool) -> None:
    """The other side gets the key that the ledger holds; the model can neither see nor pass it."""

    async def pay(order_id: str, key: IdempotencyKey) -> str:
        """Pay."""
        return f"{order_id} {key}"

    def pay_slowly(order_id: str, key: IdempotencyKey) -> str:
        """Pay."""
        return f"{order_id} {key}"

    made = tool(effect="write", key="pay:{order_id}", name="pay")(pay_slowly if blocking else pay)
    [paid, refused] = await outcomes([made], ask("pay", order_id="A"), ask("pay", order_id="B", key="mine"))

    assert list(made.specification()["function"]["parameters"]["properties"]) == ["order_id"]
    assert paid == Done(output="A pay:A")
    assert "key: Extra inputs are not permitted" in str(refused)


async def refund(order_id: str, key: IdempotencyKey) -> str:
    """Pay back."""
    return f"{order_id} {key}"


async def refund_oddly(order_id: str, key: IdempotencyKey, other: IdempotencyKey, third: IdempotencyKey | None) -> str:
    """Pay back."""
    return f"{order_id} {key} {other} {third}"


def test_a_parameter_that_is_the_key_needs_a_key() -> None:
    """And there is one such parameter, of which no template is made."""
    declared = {"effect": "write", "key": "pay:{key}"}

    assert problems(refund, effect="write_once") == ["parameter 'key' gets the key and there is none: add key="]
    assert problems(refund, **declared) == ["template field {key} is not one of its arguments"]
    assert problems(refund_oddly, effect="write", key="pay:{order_id}") == [
        f"parameter {name!r} cannot be the key too: give one parameter the type IdempotencyKey, and no other type"
        for name in ("other", "third")
    ]
