"""Keys and resource names."""

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from trunkline.errors import TemplateError
from trunkline.tools.template import Template

TEXT = st.text(alphabet='ab:,%23AC[]"', max_size=4)
KINDS: list[st.SearchStrategy[Any]] = [
    TEXT,
    st.integers(-3, 3),
    st.booleans(),
    st.none() | TEXT,
    st.lists(TEXT, max_size=3),
    st.none() | st.lists(TEXT | st.none(), max_size=2),
    st.lists(st.lists(TEXT, max_size=2), max_size=2),
    st.frozensets(TEXT, max_size=3),
    st.dictionaries(TEXT, st.integers(0, 2), max_size=2),
    st.dates(date(2026, 1, 1), date(2026, 1, 3)),
]


class Line(BaseModel):
    sku: str
    marks: set[str] = set()


class Size(Enum):
    BIG = "big"


@st.composite
def two_argument_sets(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two sets of values for the same parameters."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3))
    first, second = ({f"f{place}": draw(kind) for place, kind in enumerate(kinds)} for _ in range(2))
    return first, second


@settings(deadline=None)
@given(two_argument_sets())
def test_two_argument_sets_have_the_same_key_only_when_they_are_equal(
    sets: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    """No separator, empty list, null or nesting in a value makes two effects look like one, nor one like two."""
    first, second = sets
    template = Template("key:" + ":".join(f"{{{field}}}" for field in first))

    assert (template.fill(first) == template.fill(second)) is (first == second)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("O-17", "O-17"),
        ("a:b,c%", "a%3Ab%2Cc%25"),
        (["L1", "L2"], "L1,L2"),
        ({"b", "a"}, "a,b"),
        ([], "%[]"),
        ("", ""),
        (None, "%null"),
        ([None], "%[null]"),
        ([["a"], []], '%[["a"]%2C[]]'),
        (17, "17"),
        (Decimal("1.50"), "1.50"),
        (date(2026, 5, 1), "2026-05-01"),
        (Size.BIG, "big"),
        ({"b": 1, "a": 2}, '%{"a"%3A2%2C"b"%3A1}'),
        (Line(sku="X", marks={"new", "hot"}), '%{"marks"%3A["hot"%2C"new"]%2C"sku"%3A"X"}'),
    ],
)
def test_a_key_is_easy_to_read(value: object, text: str) -> None:
    """Texts, numbers, days and flat lists stand as they are; the rest is JSON behind a percent sign."""
    assert Template("key:{value}").fill({"value": value}) == f"key:{text}"


def test_braces_can_be_written_twice() -> None:
    """A doubled brace is a brace, as in Python's own format strings."""
    assert Template("{{{a}}}").fill({"a": "x"}) == "{x}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("refund:{", "has unbalanced braces"),
        ("refund:}", "has unbalanced braces"),
        ("refund:{}", "has the field {}, which is more than a name"),
        ("refund:{order.id}", "has the field {order.id}, which is more than a name"),
        ("refund:{order[0]}", "has the field {order[0]}, which is more than a name"),
        ("refund:{order!r}", "has the field {order}, which is more than a name"),
        ("refund:{amount:.2f}", "has the field {amount}, which is more than a name"),
        ("refund:{order}{line}", "has the fields {order} and {line} with no ':' between them"),
        ("refund:{order}-{line}", "has the fields {order} and {line} with no ':' between them"),
    ],
)
def test_what_is_not_a_plain_field_is_refused(text: str, problem: str) -> None:
    """A template that could call code, format values or run two of them together is refused where it is written."""
    with pytest.raises(TemplateError) as raised:
        Template(text)

    assert problem in str(raised.value)
    assert repr(text) in str(raised.value)


def test_a_resource_is_named_as_a_function_would_name_it() -> None:
    """Resource names are not escaped, so that a template and an f-string mean the same resource."""
    assert Template("order:{order_id}").names({"order_id": "A:1"}) == {"order:A:1"}


def test_a_list_names_one_resource_for_each_item() -> None:
    """A tool that takes several orders touches each of them, not one resource called after all."""
    template = Template("order:{order_ids}:{part}")

    assert template.names({"order_ids": ["A", "B"], "part": 1}) == {"order:A:1", "order:B:1"}
    assert template.names({"order_ids": [], "part": 1}) == frozenset()
