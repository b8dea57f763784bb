"""Makes a typed tool of a function that the leaderboard describes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from inspect import Parameter, Signature
from typing import Any, Literal, cast

from trunkline.tools import Tool, tool

Serve = Callable[[str, Mapping[str, Any]], Awaitable[object]]
"""Answers a call, given the tool's name and every argument, defaults included."""

_PLAIN: Mapping[str, type] = {"string": str, "integer": int, "float": float, "boolean": bool}


def name_of(function: str) -> str:
    """Return the tool's name: chat models take no dots in the name of a function."""
    return function.replace(".", "_")


def tool_of(description: Mapping[str, Any], serve: Serve) -> Tool:
    """Return a read that is called as described, and answered by `serve`."""
    name, parameters = name_of(description["name"]), parameters_of(description)

    async def described(**arguments: Any) -> object:
        return await serve(name, arguments)

    function = cast("Any", described)
    function.__doc__ = description["description"]
    function.__signature__ = Signature(parameters)
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return tool(effect="read", reads=(), name=name)(function)


def parameters_of(description: Mapping[str, Any]) -> list[Parameter]:
    """Return the described parameters. One that may be left out has the described default, or None."""
    schema = description["parameters"]
    return [_parameter(name, part, schema.get("required", ())) for name, part in schema["properties"].items()]


def _parameter(name: str, part: Mapping[str, Any], required: list[str]) -> Parameter:
    kind, annotation = Parameter.KEYWORD_ONLY, _type(name, part)
    if name in required:
        return Parameter(name, kind, annotation=annotation)
    return Parameter(name, kind, annotation=annotation | None, default=part.get("default"))


def _type(name: str, part: Mapping[str, Any]) -> Any:
    """Return the Python type that the part of a schema means. The leaderboard names types half as Python does.

    Objects are taken with whatever fields they have.
    """
    match part:
        case {"type": "array" | "tuple", "items": {"type": _} as items}:
            return list[_type(name, items)]
        case {"type": "dict"}:
            return dict[str, Any]
        case {"enum": values}:
            return Literal[*values]
        case {"type": type_}:
            return _PLAIN[type_]
        case _:
            problem = f"the leaderboard describes {name!r} by {part!r}, which has no type"
            raise ValueError(problem)
