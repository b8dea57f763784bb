"""One attempt at a call: the tool's function runs under its timeout, and whatever happens becomes an outcome."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

from trunkline.errors import ToolRejectedError
from trunkline.tools.call import ToolCall
from trunkline.tools.current import enter_call
from trunkline.tools.faults import Fault, FaultKind, fault_of
from trunkline.tools.outcome import Done, Failed, FailureKind, Outcome, Unknown
from trunkline.tools.shielding import is_cancelled
from trunkline.tools.threads import ToolThreads

log = logging.getLogger("trunkline.tools")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How one attempt ended."""

    outcome: Outcome
    answered: bool = True
    """Whether the tool answered at all, rightly or not: what a circuit breaker counts."""

    again: bool = False
    """Whether another attempt is safe and may help."""

    retry_after: float | None = None
    """Seconds that the other side asked to wait."""


async def attempt(call: ToolCall, threads: ToolThreads, *, number: int = 1) -> Attempt:
    """Run the tool's function once and return how it ended. Only a cancellation of this task is raised.

    A missing answer is `retryable` for a read and any other fault of it a `bug`. Of an effect both are `Unknown`,
    unless it is certain that nothing happened.
    """
    enter_call(call, attempt=number)
    clock = asyncio.timeout(None)
    try:
        running = await _begun(call, threads)
        async with clock:
            clock.reschedule(asyncio.get_running_loop().time() + call.tool.timeout)
            output = await running
        return Attempt(outcome=Done(output=from_json(to_json(output, inf_nan_mode="strings"))))
    except ToolRejectedError as refusal:
        return Attempt(outcome=Failed(kind=FailureKind.REJECTED, message=str(refusal)))
    except asyncio.CancelledError:
        if is_cancelled():
            raise
        return _faulty(call, _unanswered("its own work was cancelled"))
    except PydanticSerializationError as error:
        return _broken(call, error, f"its result cannot be written as JSON: {_said(error)}")
    except Exception as error:  # noqa: BLE001 - the edge: a broken tool is a result for the model
        if clock.expired() and isinstance(error, TimeoutError):
            return _faulty(call, _unanswered(f"no result within {call.tool.timeout:g} s"))
        fault = fault_of(error)
        if fault.kind is FaultKind.BROKEN:
            return _broken(call, error, _problem(error))
        return _faulty(call, fault)


async def _begun(call: ToolCall, threads: ToolThreads) -> Awaitable[Any]:
    """Return what gives the result: of a blocking function once it has its thread, where its timeout starts."""
    arguments = _arguments(call)
    if call.tool.blocking:
        return await threads.begin(call.tool.function, **arguments)
    result: Awaitable[Any] = call.tool.function(**arguments)
    return result


def _arguments(call: ToolCall) -> Mapping[str, Any]:
    filled = call.tool.key_parameter
    return call.arguments if filled is None else {**call.arguments, filled: call.key}


def _unanswered(message: str) -> Fault:
    return Fault(kind=FaultKind.NO_ANSWER, message=message, retry_after=None)


def _faulty(call: ToolCall, fault: Fault) -> Attempt:
    if fault.kind is FaultKind.REFUSED:
        return Attempt(outcome=Failed(kind=FailureKind.REJECTED, message=fault.message))
    safe = call.effect.repeatable
    # A tool may have made an earlier request: that the last one was never sent settles nothing where none may repeat.
    certain = call.effect.is_read or (safe and fault.kind is FaultKind.NOT_DONE)
    outcome = Failed(kind=FailureKind.RETRYABLE, message=fault.message) if certain else _unknown(call, fault.message)
    return Attempt(outcome=outcome, answered=False, again=safe, retry_after=fault.retry_after)


def _broken(call: ToolCall, error: Exception, problem: str) -> Attempt:
    log.error("call.broken tool=%s call_id=%s", call.tool.name, call.call_id, exc_info=error)
    message = f"tool {call.tool.name!r} is broken: {problem}"
    if call.effect.is_read:
        return Attempt(outcome=Failed(kind=FailureKind.BUG, message=message))
    return Attempt(outcome=_unknown(call, message))


def _unknown(call: ToolCall, what: str) -> Unknown:
    if call.effect.repeatable:
        advice = "it may have taken effect; asking again with the same arguments is safe"
    else:
        advice = "it may have taken effect; do not ask again, a person must look"
    return Unknown(message=f"{what}; {advice}")


def _problem(error: Exception) -> str:
    if type(error).__module__.startswith("langgraph.") and type(error).__name__ == "GraphInterrupt":
        return "it calls interrupt(), which would stop its siblings too; declare approve= or confirm= instead"
    return f"it raised: {_said(error)}"


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
