"""LangChain's tools, taken apart for the engine without importing LangChain: what runs, and what it takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol, cast

from pydantic import BaseModel, create_model
from pydantic.errors import PydanticUserError
from pydantic_core import to_jsonable_python
from typing_extensions import TypeIs

from trunkline.errors import ToolRejectedError
from trunkline.tools.canonical import canonical_json
from trunkline.tools.parameters import FunctionParameters, InvalidSchemaError, Parameters, SchemaParameters
from trunkline.tools.signature import Function, Implementation, home_of, source_of

_LANGCHAIN = "langchain_core."
_NONE = FunctionParameters(model=create_model("none"), names=frozenset())


class BaseToolLike(Protocol):
    """What the engine uses of a `BaseTool`: not its callbacks and tags, nor its own check of arguments."""

    name: str
    description: str
    return_direct: bool
    args_schema: Any
    handle_tool_error: Any
    response_format: Any

    @property
    def tool_call_schema(self) -> Any:
        """What a model is told; the arguments that LangChain fills itself are not in it."""
        ...

    def get_input_schema(self) -> Any:
        """Return the pydantic model of all arguments."""
        ...


def is_base_tool(item: object) -> TypeIs[BaseToolLike]:
    """Tell whether the object is a `BaseTool` of LangChain."""
    return isinstance(item, BaseModel) and {"args_schema", "handle_tool_error"} <= type(item).model_fields.keys()


def adopt(item: BaseToolLike, problems: list[str]) -> Implementation:
    """Return what the engine needs of the tool; what cannot work outside LangChain is added to `problems`.

    A `ToolException` becomes a refusal with the text that `handle_tool_error` makes of it. Of a result with an
    artifact the model gets the content; the artifact is dropped.
    """
    function, awaited = _function_of(item)
    if item.return_direct:
        problems.append("return_direct=True ends LangChain's own agent loop and no other: leave it out")
    return Implementation(
        name=item.name,
        description=item.description,
        function=_awaited(item, function) if awaited else _blocking(item, function),
        parameters=_parameters_of(item, function, problems),
        source=source_of(function),
        home=home_of(function),
    )


def _function_of(item: Any) -> tuple[Function, bool]:
    """Return the function that runs, and whether its result is awaited.

    LangChain's own classes wrap a function; others are subclasses with the methods `_run` or `_arun`, or both.
    """
    if type(item)._run.__module__.startswith(_LANGCHAIN) and (function := item.coroutine or item.func):
        return function, bool(item.coroutine)
    if type(item)._arun.__module__.startswith(_LANGCHAIN):
        return item._run, False
    return item._arun, True


def _parameters_of(item: BaseToolLike, function: Function, problems: list[str]) -> Parameters:
    try:
        if isinstance(item.args_schema, dict):
            parameters: Parameters = SchemaParameters(cast("dict[str, Any]", item.args_schema))
        elif issubclass(item.get_input_schema(), BaseModel):
            parameters = _told(item)
            parameters.schema()
        else:
            problems.append("its args_schema is a model of pydantic 1: write it for pydantic 2")
            return _NONE
    except InvalidSchemaError as error:
        problems.append(f"its args_schema is not valid: {error}")
        return _NONE
    except PydanticUserError as error:
        problems.append(f"a type in its args_schema cannot be read from JSON ({str(error).splitlines()[0]})")
        return _NONE
    problems.extend(_unfillable(function, parameters))
    return parameters


def _told(item: BaseToolLike) -> FunctionParameters:
    """Return what a model passes: `tool_call_schema` lacks the model's validators, and what LangGraph fills."""
    whole, told = item.get_input_schema(), item.tool_call_schema
    names = frozenset(told.model_fields)
    return FunctionParameters(model=whole if names == frozenset(whole.model_fields) else told, names=names)


def _unfillable(function: Function, parameters: Parameters) -> list[str]:
    """Return what is wrong with the function's parameters: a model passes them, or they have a default."""
    problems: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        name, is_told = parameter.name, parameter.name in parameters.names
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            if is_told:
                problems.append(f"parameter {name!r} must be a named one: a model passes arguments by name")
        elif parameter.default is parameter.empty and not is_told:
            problems.append(
                f"parameter {name!r} is not one that a model passes, and only LangGraph's ToolNode fills it: "
                "give it a default, or write the tool as a function that asks current_call()"
            )
    return problems


def _awaited(item: BaseToolLike, function: Function) -> Function:
    async def answer(**arguments: Any) -> Any:
        try:
            return _content(item, await function(**arguments))
        except Exception as error:
            if refusal := _refusal(item, error):
                raise refusal from error
            raise

    return answer


def _blocking(item: BaseToolLike, function: Function) -> Function:
    def answer(**arguments: Any) -> Any:
        try:
            return _content(item, function(**arguments))
        except Exception as error:
            if refusal := _refusal(item, error):
                raise refusal from error
            raise

    return answer


def _refusal(item: BaseToolLike, error: Exception) -> ToolRejectedError | None:
    if not _is_a(error, "ToolException"):
        return None
    handle: bool | str | Callable[[Exception], Any] | None = item.handle_tool_error
    said = handle(error) if callable(handle) else handle if isinstance(handle, str) else str(error)
    return ToolRejectedError(_text(said))


def _text(content: Any) -> str:
    return content if isinstance(content, str) else canonical_json(content)


def _content(item: BaseToolLike, result: Any) -> Any:
    """Return what the model reads of the result, as JSON data; what is no JSON becomes a text, as in LangChain."""
    content = _without_artifact(result) if item.response_format == "content_and_artifact" else result
    if _is_a(content, "ToolMessage"):
        if content.status == "error":
            raise ToolRejectedError(_text(content.content))
        content = content.content
    elif _is_a(content, "ToolOutputMixin"):
        problem = f"it returned a {type(content).__name__}, which only LangGraph's ToolNode can apply"
        raise TypeError(problem)
    return to_jsonable_python(content, fallback=str)


def _without_artifact(result: Any) -> Any:
    if not issubclass(type(result), tuple) or len(result) != 2:
        problem = f"its response_format is 'content_and_artifact', but its result {result!r} is not a pair"
        raise TypeError(problem)
    return result[0]


def _is_a(value: object, name: str) -> bool:
    kinds = type(value).__mro__
    return any(kind.__name__ == name and kind.__module__.startswith(_LANGCHAIN) for kind in kinds)
