"""One attempt at a call: the tool's function runs under its timeout, and whatever happens becomes an outcome."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

from trunkline.errors import ToolRejectedError
from trunkline.tools.call import ToolCall
from trunkline.tools.current import enter_call
from trunkline.tools.outcome import Done, Failed, FailureKind, Outcome, Unknown
from trunkline.tools.threads import ToolThreads

log = logging.getLogger("trunkline.tools")


async def attempt(call: ToolCall, threads: ToolThreads) -> Outcome:
    """Run the tool's function once and return how it ended. Only a cancellation of this task is raised.

    A missing answer is `retryable` for a read, any other fault of it a `bug`. Of an effect both are `Unknown`: it may
    have happened before the fault, and a client's time-out is not always a `TimeoutError`.
    """
    enter_call(call)
    clock = asyncio.timeout(None)
    try:
        running = await _begun(call, threads)
        async with clock:
            clock.reschedule(asyncio.get_running_loop().time() + call.tool.timeout)
            output = await running
        return Done(output=from_json(to_json(output, inf_nan_mode="strings")))
    except ToolRejectedError as refusal:
        return Failed(kind=FailureKind.REJECTED, message=str(refusal))
    except TimeoutError as error:
        what = f"no result within {call.tool.timeout:g} s" if clock.expired() else _said(error)
        return _no_answer(call, what)
    except ConnectionError as error:
        return _no_answer(call, _said(error))
    except asyncio.CancelledError:
        if _is_cancelled():
            raise
        return _no_answer(call, "its own work was cancelled")
    except PydanticSerializationError as error:
        return _broken(call, error, hint="its result cannot be written as JSON")
    except Exception as error:  # noqa: BLE001 - the edge: a broken tool is a result for the model
        return _broken(call, error, hint="it raised")


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


def _is_cancelled() -> bool:
    """Whether somebody asked this task to end, and not only something that the tool awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _no_answer(call: ToolCall, what: str) -> Outcome:
    if call.tool.effect.is_read:
        return Failed(kind=FailureKind.RETRYABLE, message=what)
    return Unknown(message=f"{what}; {_advice(call)}")


def _broken(call: ToolCall, error: Exception, *, hint: str) -> Outcome:
    log.error("call.broken tool=%s call_id=%s", call.tool.name, call.call_id, exc_info=error)
    message = f"tool {call.tool.name!r} is broken: {hint}: {_said(error)}"
    if call.tool.effect.is_read:
        return Failed(kind=FailureKind.BUG, message=message)
    return Unknown(message=f"{message}; {_advice(call)}")


def _advice(call: ToolCall) -> str:
    if call.tool.effect.repeatable:
        return "it may have taken effect; asking again with the same arguments is safe"
    return "it may have taken effect; do not ask again, a person must look"


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
