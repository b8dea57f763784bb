"""Closes the conversation of a run that was stopped: each call that its model asked for gets a result."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel

from trunkline.graphs.fan_out import FanOut
from trunkline.graphs.requests import requests_of
from trunkline.graphs.state import has_messages, messages_in
from trunkline.graphs.watch import tool_message
from trunkline.runtime.calls.record import CallRecord
from trunkline.runtime.storage.call_book import CallBook
from trunkline.tools.call import CallResult, CallState, Origin
from trunkline.tools.outcome import Failed, FailureKind, Outcome, Pending, Unknown

Graph = Pregel[Any, Any, Any, Any]

_STOPPED = Failed(kind=FailureKind.CANCELLED, message="the run was stopped before this call had a result")
_NOT_ON_RECORD = Unknown(message="the run was stopped before this call had a result; it may have taken effect")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """The node of a graph that answers its model's calls."""

    name: str
    messages_key: str
    recorded: bool
    """Whether its calls are on the ledger."""


async def close_conversation(graph: Graph, config: RunnableConfig, book: CallBook, origin: Origin) -> None:
    """Write a result for each open call of the thread's last message into its state, where the tools' node would have.

    Results that were finished are harvested from the ledger; the rest is cancelled, or unknown where an effect may
    have happened. `origin` names thread and run. A graph without `FanOut` and LangGraph's `ToolNode` is left alone.
    """
    if not (nodes := _answering_nodes(graph)):
        return
    state = await graph.aget_state(config)
    nodes.sort(key=lambda node: node.name not in state.next)
    node = next((node for node in nodes if has_messages(state.values, node.messages_key)), None)
    if node is None:
        return
    closing = await _closing_messages(messages_in(state.values, node.messages_key), node, book, origin)
    if closing:
        await graph.aupdate_state(config, {node.messages_key: closing}, as_node=node.name)


def messages_key_of(graph: Graph) -> str:
    """Return where the state of a graph keeps the conversation."""
    return next((node.messages_key for node in _answering_nodes(graph)), "messages")


async def _closing_messages(
    messages: Sequence[AnyMessage], node: _Node, book: CallBook, origin: Origin
) -> list[ToolMessage]:
    """Return the results of the calls that are open at the end of a conversation."""
    spoken = [position for position, message in enumerate(messages) if isinstance(message, AIMessage)]
    if not spoken:
        return []
    asking = cast("AIMessage", messages[spoken[-1]])
    since = messages[spoken[-1] + 1 :]  # some endpoints number calls anew each time
    answered = {message.tool_call_id for message in since if isinstance(message, ToolMessage)}
    batch = Origin(thread_id=origin.thread_id, run_id=origin.run_id, batch=asking.id or "")
    asked = [(batch.call_id(position, request), request) for position, request in enumerate(requests_of(asking))]
    open_ = {call_id: request for call_id, request in asked if request.tool_call_id not in answered}
    recorded = node.recorded and asking.id is not None
    known = _outcomes(await book.lose(open_)) if recorded and open_ else {}
    missing = _STOPPED if recorded else _NOT_ON_RECORD
    return [
        tool_message(CallResult(call_id=call_id, request=request, outcome=known.get(call_id, missing)))
        for call_id, request in open_.items()
    ]


def _outcomes(records: Collection[CallRecord]) -> dict[str, Outcome]:
    return {record.call_id: outcome for record in records if (outcome := _outcome(record)) is not None}


def _outcome(record: CallRecord) -> Outcome | None:
    """Return what the conversation is told of a call; None when it was stopped."""
    match record.state:
        case CallState.READY | CallState.RUNNING:
            return Pending(call_id=record.call_id, reason=record.reason or "")
        case CallState.CANCELLED:
            return None
        case _:
            return record.outcome


def _answering_nodes(graph: Graph) -> list[_Node]:
    found: list[_Node] = []
    for name, node in graph.nodes.items():
        bound = cast("Any", node).bound
        function = getattr(bound, "afunc", None)
        if isinstance(function, FanOut):
            found.append(_Node(name=name, messages_key=function.messages_key, recorded=True))
        elif isinstance(bound, ToolNode):
            key = getattr(bound, "_messages_key", "messages")  # LangGraph keeps it to itself
            found.append(_Node(name=name, messages_key=key, recorded=False))
    return found
