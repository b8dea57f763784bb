"""Binds a request to its tool: the arguments are validated, the key and the resources are named."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from trunkline.tools.access import Access
from trunkline.tools.call import CallId, CallResult, Origin, ToolCall, ToolRequest
from trunkline.tools.outcome import Failed, FailureKind
from trunkline.tools.parameters import InvalidArgumentsError
from trunkline.tools.tool import Tool
from trunkline.tools.toolbox import Toolbox

log = logging.getLogger("trunkline.tools")


def bind(toolbox: Toolbox, request: ToolRequest, origin: Origin, position: int) -> ToolCall | CallResult:
    """Return the call that a request means, or the result that tells the model what is wrong with the request."""
    call_id = origin.call_id(position, request)
    found = toolbox.get(request.name)
    if found is None:
        message = f"there is no tool {request.name!r}; the tools are: {', '.join(toolbox.names)}"
        return _refused(call_id, request, message)
    if request.problem:
        return _refused(call_id, request, request.problem)
    try:
        return _bound(found, request, origin, call_id)
    except _RefusedError as error:
        return _refused(call_id, request, str(error))
    except Exception as error:  # noqa: BLE001 - the edge: validators and resource functions are foreign code
        return CallResult(call_id=call_id, request=request, outcome=broken_declaration(found, call_id, error))


def broken_declaration(found: Tool, call_id: CallId, error: Exception) -> Failed:
    """Return the outcome of a call whose tool's own declaration raised the error: nothing has run."""
    log.error("call.undeclarable tool=%s call_id=%s", found.name, call_id, exc_info=error)
    said = f"tool {found.name!r} is broken: its declaration raised {type(error).__name__}: {error}"
    return Failed(kind=FailureKind.BUG, message=said)


class _RefusedError(Exception):
    """What the model passed does not fit the tool's parameters."""


def _bound(found: Tool, request: ToolRequest, origin: Origin, call_id: CallId) -> ToolCall:
    arguments = _validated(found, request)
    key = found.key.fill(arguments) if found.key else None
    return ToolCall(
        call_id=call_id,
        origin=origin,
        request=request,
        tool=found,
        arguments=arguments,
        access=_with_key(found.access(arguments), key),
        key=key,
    )


def _validated(found: Tool, request: ToolRequest) -> Mapping[str, Any]:
    try:
        to_json(request.arguments)  # for ledgers and tracers: half an emoji is a Python text, but no JSON
        return found.parameters.validate(request.arguments)
    except PydanticSerializationError as error:
        message = f"the arguments of {found.name!r} cannot be written as JSON: {error}"
        raise _RefusedError(message) from error
    except InvalidArgumentsError as error:
        raise _RefusedError(f"the arguments of {found.name!r} are not valid: {error}") from error


def _with_key(access: Access, key: str | None) -> Access:
    """Two calls with one key never overlap."""
    return access if key is None else Access(reads=access.reads, writes=access.writes | {f"key:{key}"})


def _refused(call_id: CallId, request: ToolRequest, message: str) -> CallResult:
    return CallResult(call_id=call_id, request=request, outcome=Failed(kind=FailureKind.REJECTED, message=message))
