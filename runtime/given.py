"""What a run is given: a text, messages, or the graph's own input."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage


def asked(given: Any) -> str | None:
    """What a list of runs shows of the input: the text, or that of the last message."""
    match given:
        case str():
            return given
        case BaseMessage():
            return given.text
        case {"content": str() as text}:
            return text
        case [*_, last] | {"messages": [*_, last]}:
            return asked(last)
        case _:
            return None


def graph_input(given: Any) -> Any:
    """Return the input of a graph: texts and messages become its `messages`, all else is its own."""
    match given:
        case str():
            return {"messages": [HumanMessage(given)]}
        case BaseMessage():
            return {"messages": [given]}
        case [] | [BaseMessage() | {"role": _, "content": _}, *_]:
            return {"messages": list(given)}
        case _:
            return given
