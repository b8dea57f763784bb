"""Reads a tool's function: the model of its arguments, and what is missing from its declaration."""

from __future__ import annotations

import inspect
import warnings
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
        return create_model(f"{name}_arguments")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        problems.append("it yields: return one result instead")
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if problem := _problem(parameter, hints):
            problems.append(problem)
        else:
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[parameter.name] = (hints[parameter.name], default)
    return _model(name, fields, problems)


def parameters_of(function: Function) -> frozenset[str]:
    """Return the names of the function's parameters."""
    return frozenset(inspect.signature(function).parameters)


def _problem(parameter: inspect.Parameter, hints: dict[str, Any]) -> str | None:
    name = parameter.name
    if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY}:
        return f"parameter {name!r} must be a named one: a model passes arguments by name"
    if name not in hints and name == "self":
        return "it is a method: make it a function inside a function that gets the object"
    if name not in hints:
        return f"parameter {name!r} has no type: annotate it, like {name}: str"
    if name.startswith("_") or (name.startswith("model_") and hasattr(BaseModel, name)):
        return f"parameter {name!r} has a name that cannot be used: rename it"
    return None


def _model(name: str, fields: dict[str, Any], problems: list[str]) -> type[BaseModel]:
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=False)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Field name .* shadows an attribute")  # like `json` and `copy`
            model: type[BaseModel] = create_model(f"{name}_arguments", __config__=config, **fields)
        model.model_json_schema()
    except (PydanticSchemaGenerationError, PydanticUserError, NameError) as error:
        problems.append(f"a type cannot be read from JSON ({str(error).splitlines()[0]})")
        return create_model(f"{name}_arguments")
    return model
