"""Closes the calls that an interrupted run left open, so that a model never sees a request without a result."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

from trunkline.graphs.requests import requests_of

_CONTENT = '{"error":"unknown","message":"the run was interrupted before this call had a result"}'


def with_open_calls_closed(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Return the messages with a result after each tool call that has none, as chat models demand it."""
    closed: list[AnyMessage] = []
    for position, message in enumerate(messages):
        closed.append(message)
        asked = [request.tool_call_id for request in requests_of(message)] if isinstance(message, AIMessage) else []
        answered = _answered(messages[position + 1 :]) if asked else set[str]()
        open_ids = [id_ for id_ in asked if id_ not in answered]
        closed.extend(ToolMessage(content=_CONTENT, tool_call_id=id_, status="error") for id_ in open_ids)
    return closed


def _answered(later: Sequence[AnyMessage]) -> set[str]:
    """Return the calls that are answered before the model speaks again: some endpoints number calls anew each time."""
    before = takewhile(lambda message: not isinstance(message, AIMessage), later)
    return {message.tool_call_id for message in before if isinstance(message, ToolMessage)}
