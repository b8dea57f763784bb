"""`Speech`: what the model has said in a conversation, noticed when a step has ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage

from trunkline.runtime.events import MessageFinished


class Speech:
    """Tells the new messages of the model from those that the conversation had before the run."""

    def __init__(self, key: str) -> None:
        """`key` is where the state has the messages."""
        self._key = key
        self._known: set[str] | None = None

    def finished(self, state: Any) -> Iterator[MessageFinished]:
        """Yield the messages that are new in this state. The first state is what there was before."""
        messages = _messages(state, self._key)
        if self._known is None:
            self._known = {message.id for message in messages if message.id}
            return
        for message in messages:
            if message.id and message.id not in self._known:
                self._known.add(message.id)
                if isinstance(message, AIMessage) and message.text:
                    yield MessageFinished(message_id=message.id, text=message.text)


def _messages(state: Any, key: str) -> list[BaseMessage]:
    if not isinstance(state, dict):
        return []
    found = cast("dict[str, object]", state).get(key)
    if not isinstance(found, list):
        return []
    return [each for each in cast("list[object]", found) if isinstance(each, BaseMessage)]
