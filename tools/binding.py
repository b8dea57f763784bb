"""Binds a request to its tool: the arguments are validated, the key and the resources are named."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from trunkline.tools.access import Access
from trunkline.tools.call import CallId, CallResult, Origin, ToolCall, ToolRequest, fingerprint_of
from trunkline.tools.effect import Effect
from trunkline.tools.lane import LaneOfCall
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
        return _bound(toolbox, found, request, origin, call_id)
    except _RefusedError as error:
        return _refused(call_id, request, str(error))
    except Exception as error:  # noqa: BLE001 - the edge: validators and resource functions are foreign code
        return CallResult(call_id=call_id, request=request, outcome=broken_declaration(found, call_id, error))


def broken_declaration(found: Tool, call_id: CallId, error: BaseException) -> Failed:
    """Return the outcome of a call whose tool's own declaration raised the error: nothing has run."""
    log.error("call.undeclarable tool=%s call_id=%s", found.name, call_id, exc_info=error)
    said = f"tool {found.name!r} is broken: its declaration raised {type(error).__name__}: {error}"
    return Failed(kind=FailureKind.BUG, message=said)


class _RefusedError(Exception):
    """What the model passed does not fit the tool's parameters."""


def _bound(toolbox: Toolbox, found: Tool, request: ToolRequest, origin: Origin, call_id: CallId) -> ToolCall:
    arguments = _validated(found, request)
    effect, key = found.effect_of(arguments), found.key_of(arguments)
    if effect is Effect.WRITE and key is None and found.idempotent:
        key = call_id  # not made of the arguments: on, off, on are three effects, and the third is not the first
    if effect is Effect.WRITE and key is None:
        message = f"a call is a write, and key= gave it no identity; arguments: {dict(request.arguments)}"
        raise ValueError(message)
    lane = found.lane.of(arguments) if found.lane else None
    return ToolCall(
        call_id=call_id,
        origin=origin,
        request=request,
        tool=found,
        arguments=arguments,
        effect=effect,
        access=_with_own(found.access(arguments, effect), effect, key, lane),
        key=None if effect.is_read else key,
        lane=lane,
        fingerprint=fingerprint_of(found, arguments),
        undoes=toolbox.freed_by(found, arguments),
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


def _with_own(access: Access, effect: Effect, key: str | None, lane: LaneOfCall | None) -> Access:
    """Two effects with one key never overlap, and those on a narrow lane keep the model's order."""
    if effect.is_read:
        return access
    own = [f"key:{key}"] if key else []
    own += [f"lane:{lane.name}"] if lane and lane.limit == 1 else []
    return Access(reads=access.reads, writes=access.writes | frozenset(own))


def _refused(call_id: CallId, request: ToolRequest, message: str) -> CallResult:
    return CallResult(call_id=call_id, request=request, outcome=Failed(kind=FailureKind.REJECTED, message=message))
