"""Arithmetic for the agent: numbers, + - * / and parentheses, and nothing else."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from decimal import Decimal

from trunkline.tools import ToolRejectedError

LONGEST = 200
"""Characters of an expression: bounds the depth of the tree, and with it the work."""

_BINARY: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_UNARY: dict[type[ast.unaryop], Callable[[Decimal], Decimal]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


def calculate(expression: str) -> float:
    """Return the value, rounded to cents. Raises `ToolRejectedError` for anything that is not plain arithmetic."""
    if len(expression) > LONGEST:
        raise ToolRejectedError(f"the expression has {len(expression)} characters; at most {LONGEST} are read")
    try:
        tree = ast.parse(expression.strip(), mode="eval")
        return float(round(_value(tree.body), 2))
    except SyntaxError as error:
        raise ToolRejectedError(f"{expression!r} is not arithmetic: {error.msg}") from error
    except (ArithmeticError, ValueError) as error:
        raise ToolRejectedError(f"{expression!r} has no value: {type(error).__name__}") from error


def _value(node: ast.expr) -> Decimal:
    match node:
        case ast.Constant(value=value) if type(value) in {int, float}:
            return Decimal(str(value))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            return _BINARY[type(sign)](_value(left), _value(right))
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            return _UNARY[type(sign)](_value(operand))
        case _:
            raise ToolRejectedError(f"{ast.unparse(node)!r} is not arithmetic; use numbers, + - * / and parentheses")
