"""Arithmetic for the agent."""

from __future__ import annotations

import pytest

from retail.calculator import calculate
from trunkline.tools import ToolRejectedError


@pytest.mark.parametrize(
    ("expression", "value"),
    [("3131.1 + 4777.75 + 367.38", 8276.23), ("-(2 - 0.5) * 4 / 3", -2.0), ("0.1 + 0.2", 0.3), (" +7 ", 7.0)],
)
def test_arithmetic_is_exact_to_the_cent(expression: str, value: float) -> None:
    """Sums of prices come out as a person would write them."""
    assert calculate(expression) == value


NOT_ARITHMETIC = [
    "",
    "1 +",
    "2 ** 9",
    "abs(1)",
    "x",
    "'a' * 9",
    "True",
    "1j",
    "[1]",
    "__import__('os')",
    "(" * 90 + "1",
    "1\0",
]
NO_VALUE = ["1 / 0", "1e999", "1e30", "9e99 * 9e99", "1" * 201]


@pytest.mark.parametrize("expression", [*NOT_ARITHMETIC, *NO_VALUE])
def test_anything_but_arithmetic_is_refused(expression: str) -> None:
    """The expression comes from a model: nothing in it is ever run."""
    with pytest.raises(ToolRejectedError):
        calculate(expression)
