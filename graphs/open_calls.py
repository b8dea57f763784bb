"""Closes the calls that an interrupted run left open, so that a model never sees a request without a result."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

_CONTENT = '{"error":"unknown","message":"the run was interrupted before this call had a result"}'


def with_open_calls_closed(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """Return the messages with a result after each tool call that has none, as chat models demand it."""
    answered = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
    closed: list[AnyMessage] = []
    for message in messages:
        closed.append(message)
        if isinstance(message, AIMessage):
            open_ids = [asked["id"] or "" for asked in message.tool_calls if asked["id"] not in answered]
            closed.extend(ToolMessage(content=_CONTENT, tool_call_id=id_, status="error") for id_ in open_ids)
    return closed
