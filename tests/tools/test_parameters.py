"""What a tool takes, told and checked."""

import pytest

from trunkline.tools import Parameters, SchemaParameters
from trunkline.tools.parameters import InvalidArgumentsError, InvalidSchemaError
from trunkline.tools.signature import implementation_of
from trunkline.tools.template import Template

ORDER = {
    "title": "Order",
    "type": "object",
    "properties": {"order_id": {"type": "string"}, "lines": {"type": "array", "items": {"type": "integer"}}},
    "required": ["order_id"],
}


async def order(order_id: str, lines: list[int], note: str = "none") -> str:
    """Order."""
    return f"{order_id} {lines} {note}"


def of_function() -> Parameters:
    return implementation_of(order, []).parameters


def test_a_functions_parameters_are_known_by_name() -> None:
    """Those without a default are required."""
    parameters = of_function()

    assert parameters.names == {"order_id", "lines", "note"}
    assert parameters.required == {"order_id", "lines"}


def test_a_functions_defaults_are_filled() -> None:
    """And values have the function's types."""
    assert of_function().validate({"order_id": "A", "lines": ["1"]}) == {"order_id": "A", "lines": [1], "note": "none"}


def test_everything_wrong_with_the_arguments_is_a_line_of_the_error() -> None:
    """Each line names its place."""
    with pytest.raises(InvalidArgumentsError) as raised:
        of_function().validate({"lines": ["one"]})

    assert raised.value.lines == [
        "order_id: Field required",
        "lines.0: Input should be a valid integer, unable to parse string as an integer",
    ]


def test_a_schema_is_told_as_it_is_but_for_its_title() -> None:
    """An empty one is an object without properties, as endpoints demand."""
    parameters = SchemaParameters(ORDER)

    assert parameters.schema() == {name: value for name, value in ORDER.items() if name != "title"}
    assert (parameters.names, parameters.required) == ({"order_id", "lines"}, {"order_id"})
    assert SchemaParameters({}).schema() == {"type": "object", "properties": {}}


def test_arguments_pass_a_schema_as_they_are() -> None:
    """No default is filled, and what the schema does not name passes unless it says otherwise."""
    assert SchemaParameters(ORDER).validate({"order_id": "A", "more": 1}) == {"order_id": "A", "more": 1}

    with pytest.raises(InvalidArgumentsError, match="Additional properties are not allowed"):
        SchemaParameters({**ORDER, "additionalProperties": False}).validate({"order_id": "A", "more": 1})


def test_an_argument_that_was_left_out_names_nothing() -> None:
    """A template over it has a value, and the tool does not get it."""
    arguments = SchemaParameters(ORDER).validate({"order_id": "A"})

    assert (Template("{order_id}:{lines}").fill(arguments), dict(**arguments)) == ("A:%null", {"order_id": "A"})
    with pytest.raises(KeyError):
        arguments["lnies"]


def test_everything_that_a_schema_refuses_is_a_line_of_the_error() -> None:
    """As for functions."""
    with pytest.raises(InvalidArgumentsError) as raised:
        SchemaParameters(ORDER).validate({"lines": [1, "two"]})

    assert sorted(raised.value.lines) == [
        "arguments: 'order_id' is a required property",
        "lines.1: 'two' is not of type 'integer'",
    ]


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "array"}, "it describes 'array' and not an object"),
        ({"properties": {"a": {"type": "text"}}}, "properties.a.type: 'text' is not valid"),
    ],
)
def test_a_schema_that_nothing_can_be_checked_by_is_refused(schema: dict[str, object], problem: str) -> None:
    """At once, and not first when a model asks."""
    with pytest.raises(InvalidSchemaError) as raised:
        SchemaParameters(schema)

    assert problem in str(raised.value)


def test_no_schema_is_fetched_from_elsewhere() -> None:
    """A foreign server must not make this process ask addresses of its choice."""
    elsewhere = SchemaParameters({"properties": {"a": {"$ref": "http://127.0.0.1:9/schema"}}})

    with pytest.raises(Exception, match="Unresolvable"):
        elsewhere.validate({"a": 1})
