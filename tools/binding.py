"""Binds a request to its tool: the arguments are validated, the key and the resources are named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from trunkline.tools.access import Access
from trunkline.tools.call import CallId, CallResult, Origin, ToolCall, ToolRequest
from trunkline.tools.outcome import Failed, FailureKind
from trunkline.tools.tool import Tool
from trunkline.tools.toolbox import Toolbox


def bind(toolbox: Toolbox, request: ToolRequest, origin: Origin, position: int) -> ToolCall | CallResult:
    """Return the call that a request means, or the result that tells the model what is wrong with the request."""
    call_id = origin.call_id(position)
    found = toolbox.get(request.name)
    if found is None:
        message = f"there is no tool {request.name!r}; the tools are: {', '.join(toolbox.names)}"
        return _refused(call_id, request, message)
    try:
        model = found.arguments.model_validate(dict(request.arguments))
    except ValidationError as error:
        return _refused(call_id, request, _explained(found, error))
    arguments = {name: getattr(model, name) for name in found.arguments.model_fields}
    return ToolCall(
        call_id=call_id,
        origin=origin,
        request=request,
        tool=found,
        arguments=arguments,
        access=_access(found, arguments),
        key=found.key.fill(arguments) if found.key else None,
    )


def _access(found: Tool, arguments: Mapping[str, Any]) -> Access:
    access = found.access(arguments)
    if found.key is None:
        return access
    identity = f"key:{found.key.fill(arguments)}"
    return Access(reads=access.reads, writes=access.writes | {identity})


def _refused(call_id: CallId, request: ToolRequest, message: str) -> CallResult:
    return CallResult(call_id=call_id, request=request, outcome=Failed(kind=FailureKind.REJECTED, message=message))


def _explained(found: Tool, error: ValidationError) -> str:
    lines = [f"{'.'.join(str(part) for part in item['loc']) or 'arguments'}: {item['msg']}" for item in error.errors()]
    return f"the arguments of {found.name!r} are not valid: {'; '.join(lines)}"
