"""The call that a running tool, or a rule about it, serves."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass

from trunkline.errors import NoCurrentCallError
from trunkline.tools.call import CallId, ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentCall:
    """What a tool may know about the call that it is serving."""

    call_id: CallId
    tool: str
    key: str | None
    thread_id: str
    run_id: str
    attempt: int
    """1 for the first; 0 while rules are asked."""

    untrusted: Mapping[str, str]
    """The arguments whose values come from an untrusted text, with the tool whose result it was."""


_current: ContextVar[CurrentCall] = ContextVar("trunkline_current_call")


def current_call() -> CurrentCall:
    """Return the call that the running tool or rule serves. Raises `NoCurrentCallError` outside of one."""
    try:
        return _current.get()
    except LookupError:
        raise NoCurrentCallError from None


def inside_call() -> bool:
    """Whether this code runs in a tool, or in what a tool runs."""
    return _current.get(None) is not None


def enter_call(call: ToolCall, *, attempt: int = 0) -> None:
    """Make `call` the current one for the rest of this task's context."""
    _current.set(
        CurrentCall(
            call_id=call.call_id,
            tool=call.tool.name,
            key=call.key,
            thread_id=call.origin.thread_id,
            run_id=call.origin.run_id,
            attempt=attempt,
            untrusted=call.untrusted,
        )
    )
