"""Asks a tool's `status=` function what became of an effect whose outcome nobody knows."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any

from pydantic_core import from_json, to_json

from trunkline.tools.call import ToolCall
from trunkline.tools.current import enter_call
from trunkline.tools.outcome import Done, Failed, FailureKind
from trunkline.tools.shielding import is_cancelled
from trunkline.tools.threads import ToolThreads

log = logging.getLogger("trunkline.tools")


async def status_of(call: ToolCall, threads: ToolThreads) -> Done | Failed | None:
    """Return `Done` when the effect happened, `Failed` when it did not, and None when that cannot be learnt.

    `status=` is given those of the call's arguments that it names, and `key` if it names that. It has the tool's
    timeout.
    """
    if call.tool.status is None:
        return None
    enter_call(call)
    try:
        async with asyncio.timeout(call.tool.timeout):
            output = await _ask(call.tool.status, call, threads)
        answer = from_json(to_json(output, inf_nan_mode="strings"))
    except (Exception, asyncio.CancelledError) as error:  # the edge: a status that cannot be had leaves it unknown
        if is_cancelled():
            raise
        log.warning("call.status_failed tool=%s call_id=%s", call.tool.name, call.call_id, exc_info=error)
        return None
    if output is None:
        return Failed(kind=FailureKind.RETRYABLE, message="no answer, and the other side says that it did not happen")
    return Done(output=answer)


async def _ask(status: Callable[..., Any], call: ToolCall, threads: ToolThreads) -> Any:
    known = {**call.arguments, "key": call.key}
    given = {name: known[name] for name in inspect.signature(status).parameters if name in known}
    if inspect.iscoroutinefunction(status):
        return await status(**given)
    return await (await threads.begin(status, **given))
