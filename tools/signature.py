"""Reads a tool's function: the model of its arguments, and what is missing from its declaration."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

Function = Callable[..., Any]


def source_of(function: Function) -> str:
    """Return `file.py:line` of the function, as far as Python knows it."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{Path(code.co_filename).name}:{code.co_firstlineno}" if code else "unknown place"


def arguments_model(name: str, function: Function, problems: list[str]) -> type[BaseModel]:
    """Return a pydantic model of the function's arguments; what is missing is added to `problems`."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        problems.append(f"its annotations cannot be read ({error}): import the types at module level")
        hints = {}
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY}:
            problems.append(f"parameter {parameter.name!r} must be a named one: a model passes arguments by name")
        elif parameter.name not in hints:
            problems.append(f"parameter {parameter.name!r} has no type: annotate it, like {parameter.name}: str")
        else:
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[parameter.name] = (hints[parameter.name], default)
    return _model(name, fields, problems)


def _model(name: str, fields: dict[str, Any], problems: list[str]) -> type[BaseModel]:
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=False)
    try:
        return create_model(f"{name}_arguments", __config__=config, **fields)
    except (PydanticSchemaGenerationError, PydanticUserError, NameError) as error:
        problems.append(f"a type cannot be read from JSON ({str(error).splitlines()[0]})")
        return create_model(f"{name}_arguments")
