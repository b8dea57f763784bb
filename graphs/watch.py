"""Tells LangChain's callbacks and LangGraph's stream of each tool call, as if LangChain had run it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.callbacks import AsyncCallbackManager, AsyncCallbackManagerForToolRun
from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import (
    get_async_callback_manager_for_config,
    patch_config,
    var_child_runnable_config,
)
from pydantic_core import to_json

from trunkline.tools.call import CallId, CallResult, ToolCall, ToolRequest, state_of
from trunkline.tools.events import ToolCallFinished, ToolCallRetried, ToolCallStarted
from trunkline.tools.outcome import (
    Done,
    Failed,
    FailureKind,
    Outcome,
    Pending,
    StillRunning,
    Unknown,
    is_error,
    text_for_model,
)

Emit = Callable[[ToolCallStarted | ToolCallRetried | ToolCallFinished], None]


class ToolCallError(Exception):
    """What tracers are shown as the error of a call that did not do what was asked. Never raised."""


class CallWatcher:
    """Watches the calls of one batch. Models that a tool calls are traced below the tool."""

    def __init__(self, config: RunnableConfig, batch: str, emit: Emit) -> None:
        self._batch = batch
        self._emit = emit
        self._manager: AsyncCallbackManager = get_async_callback_manager_for_config(config)
        self._below = patch_config(config, callbacks=self._manager)
        """The config below a call, but for its callbacks; patching it for each call is slow."""
        self._runs: dict[CallId, AsyncCallbackManagerForToolRun] = {}

    async def refused(self, result: CallResult) -> None:
        """Trace the request as a tool run that failed at once."""
        await self._close(await self._open(result.request, {"call_id": result.call_id, "batch": self._batch}), result)
        self._tell_end(result)

    async def started(self, call: ToolCall, *, waited: float) -> None:
        """Open a tool run, below which everything in this task is traced."""
        effect = call.effect.value
        about = {"call_id": call.call_id, "batch": self._batch, "effect": effect, "waited": waited}
        run = await self._open(call.request, about, description=call.tool.description)
        self._runs[call.call_id] = run
        var_child_runnable_config.set({**self._below, "callbacks": run.get_child()})
        arguments = call.request.arguments
        self._emit(ToolCallStarted(call_id=call.call_id, tool=call.tool.name, arguments=arguments))

    async def retried(self, call: ToolCall, *, attempt: int, why: str, seconds: float) -> None:
        """Tell of an attempt without an answer."""
        event = ToolCallRetried(call_id=call.call_id, tool=call.tool.name, attempt=attempt, why=why, seconds=seconds)
        self._emit(event)

    async def finished(self, call: ToolCall, result: CallResult) -> None:
        """Close the tool run with the call's outcome."""
        await self._close(self._runs.pop(call.call_id), result)
        self._tell_end(result)

    async def _open(
        self, request: ToolRequest, about: Mapping[str, Any], *, description: str = ""
    ) -> AsyncCallbackManagerForToolRun:
        return await self._manager.on_tool_start(
            {"name": request.name, "description": description},
            to_json(request.arguments).decode(),
            inputs=dict(request.arguments),
            name=request.name,
            tool_call_id=request.tool_call_id,
            trunkline=about,
        )

    async def _close(self, run: AsyncCallbackManagerForToolRun, result: CallResult) -> None:
        about = {"outcome": _label(result.outcome), "attempts": result.attempts}
        if is_error(result.outcome):
            await run.on_tool_error(_error(result.outcome), trunkline=about)
        else:
            await run.on_tool_end(tool_message(result), trunkline=about)

    def _tell_end(self, result: CallResult) -> None:
        name, outcome = result.request.name, result.outcome
        self._emit(ToolCallFinished(call_id=result.call_id, tool=name, outcome=outcome, seconds=result.seconds))


def tool_message(result: CallResult) -> ToolMessage:
    """Return the message that carries the result to the model."""
    return ToolMessage(
        content=text_for_model(result.outcome),
        name=result.request.name,
        tool_call_id=result.request.tool_call_id,
        status="error" if is_error(result.outcome) else "success",
        id=f"m-{result.call_id}",
    )


def _error(outcome: Outcome) -> BaseException:
    text = text_for_model(outcome)
    stopped = isinstance(outcome, Failed) and outcome.kind is FailureKind.CANCELLED
    return asyncio.CancelledError(text) if stopped else ToolCallError(text)


def _label(outcome: Outcome) -> str:
    match outcome:
        case Done(replayed=True):
            return "replayed"
        case Failed(kind=kind):
            return kind.value
        case Pending() | StillRunning():
            return type(outcome).__name__.lower()
        case Done() | Unknown():
            return state_of(outcome).value
