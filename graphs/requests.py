"""What a model's message asks for, also where the model broke off or wrote no JSON."""

from __future__ import annotations

from dataclasses import replace

from langchain_core.messages import AIMessage, AnyMessage

from trunkline.tools.call import ToolRequest

_CUT = {"length", "max_tokens"}
"""How OpenAI and Anthropic say that an answer ended at its length limit."""

_SHOWN = 200
"""Characters of broken arguments that the model is shown."""


def requests_of(message: AIMessage) -> list[ToolRequest]:
    """Return what a model's message asks for, in its order; what is no JSON comes last, as a problem."""
    whole = [
        ToolRequest(name=asked["name"], arguments=asked["args"], tool_call_id=asked["id"] or f"call_{position}")
        for position, asked in enumerate(message.tool_calls)
    ]
    broken = [
        ToolRequest(
            name=asked["name"] or "",
            arguments={},
            tool_call_id=asked["id"] or f"call_{position}",
            problem=f"the arguments are not a JSON object: {(asked['args'] or '')[:_SHOWN]}",
        )
        for position, asked in enumerate(message.invalid_tool_calls, start=len(whole))
    ]
    return [*whole, *broken] if broken else _without_the_cut(message, whole)


def asks_for_tools(message: AnyMessage) -> bool:
    """Tell whether the message is a model's that asks for tools, rightly or not."""
    return isinstance(message, AIMessage) and bool(message.tool_calls or message.invalid_tool_calls)


def _without_the_cut(message: AIMessage, requests: list[ToolRequest]) -> list[ToolRequest]:
    """LangChain completes the arguments of a streamed answer that was cut off: 500 may have become 5."""
    ended = message.response_metadata.get("finish_reason") or message.response_metadata.get("stop_reason")
    if not requests or ended not in _CUT:
        return requests
    problem = "the answer was cut off at its length limit, perhaps within these arguments; ask again"
    return [*requests[:-1], replace(requests[-1], problem=problem)]
