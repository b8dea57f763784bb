"""How a conversation hears of what happened to its calls between two turns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from langchain_core.messages import BaseMessage, SystemMessage
from pydantic_core import to_jsonable_python

from trunkline.runtime.calls.record import CallRecord
from trunkline.runtime.storage.call_book import News
from trunkline.tools.outcome import Done, Failed, Unknown


def news_messages(news: Sequence[News]) -> list[BaseMessage]:
    """Return what the model reads of the news. The ids are the news' own: told twice, it is in the state once."""
    return [SystemMessage(json.dumps(_told(each), ensure_ascii=False), id=f"e-{each.id}") for each in news]


def with_news(given: Any, news: Sequence[News], *, key: str = "messages") -> tuple[Any, bool]:
    """Return a graph's input with the news before its messages, and whether it could take them."""
    if not news or not isinstance(given, dict):
        return given, False
    values = cast("dict[str, Any]", given)
    said = cast("list[Any] | BaseMessage | None", values.get(key))
    if isinstance(said, BaseMessage):
        said = [said]
    if not isinstance(said, list):
        return values, False
    return {**values, key: [*news_messages(news), *said]}, True


def _told(news: News) -> dict[str, Any]:
    call = news.call
    about = {"event": news.event, "call": call.call_id, "tool": call.tool, "arguments": dict(call.arguments)}
    return {**about, "state": call.state.value, **_ending(call)}


def _ending(call: CallRecord) -> dict[str, Any]:
    match call.outcome:
        case Done(output=output):
            return {"result": to_jsonable_python(output)}
        case Failed(message=message) | Unknown(message=message):
            return {"message": message}
        case _:
            return {}
