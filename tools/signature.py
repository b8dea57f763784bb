"""Reads a tool's function: its parameters, and what is missing from its declaration."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NewType, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

from trunkline.tools.parameters import FunctionParameters, Parameters

Function = Callable[..., Any]

IdempotencyKey = NewType("IdempotencyKey", str)
"""The annotation of a parameter that gets the call's key. The model does not see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Implementation:
    """What a tool is before anybody declares what its calls do: a function, and how a model is told of it."""

    name: str
    description: str
    """What the model reads; of a function its docstring."""

    function: Function
    parameters: Parameters
    source: str
    """`file.py:line` of the function, or where else the tool comes from."""

    home: str
    """`module:name` of the function, or what else the tool is found again by."""

    key_parameter: str | None = None
    """The function's parameter that gets the call's key; the model does not pass it."""

    idempotent: bool = False
    """Whether the same call made again changes nothing more."""


def implementation_of(function: Function, problems: list[str]) -> Implementation:
    """Return the function as a tool's; what is missing in its signature is added to `problems`."""
    name = str(getattr(function, "__name__", type(function).__name__))
    parameters, key = _read_parameters(name, function, problems)
    return Implementation(
        name=name,
        description=inspect.getdoc(function) or "",
        function=function,
        parameters=parameters,
        source=source_of(function),
        home=home_of(function),
        key_parameter=key,
    )


def home_of(function: Function) -> str:
    """Return `module:name` of the function, the same whether its module was imported or run as the program."""
    module = str(getattr(function, "__module__", "?"))
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{_name_of_program(function) if module == '__main__' else module}:{name}"


def _name_of_program(function: Function) -> str:
    spec = sys.modules["__main__"].__spec__
    code = getattr(inspect.unwrap(function), "__code__", None)
    return spec.name if spec else Path(code.co_filename).stem if code else "__main__"


def source_of(function: Function) -> str:
    """Return `file.py:line` of the function, as far as Python knows it."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{Path(code.co_filename).name}:{code.co_firstlineno}" if code else "unknown place"


def _read_parameters(name: str, function: Function, problems: list[str]) -> tuple[FunctionParameters, str | None]:
    """Return the parameters that a model passes, and the one that gets the key."""
    parameters = inspect.signature(function).parameters
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        problems.append(f"its annotations cannot be read ({error}): import the types at module level")
        return FunctionParameters(model=create_model(f"{name}_arguments"), names=frozenset(parameters)), None
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        problems.append("it yields: return one result instead")
    key = next((each for each in parameters if hints.get(each) is IdempotencyKey), None)
    fields: dict[str, Any] = {}
    for parameter in parameters.values():
        if parameter.name == key:
            continue
        if problem := _problem(parameter, hints):
            problems.append(problem)
        else:
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[parameter.name] = (hints[parameter.name], default)
    return FunctionParameters(model=_model(name, fields, problems), names=frozenset(parameters) - {key}), key


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
    if IdempotencyKey in (hints[name], *get_args(hints[name])):
        return (
            f"parameter {name!r} cannot be the key too: give one parameter the type IdempotencyKey, and no other type"
        )
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
