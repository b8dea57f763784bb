"""Closes the conversation of a run that was stopped: each call that its model asked for gets a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel
from langgraph.types import StateSnapshot, StateUpdate

from trunkline.graphs.fan_out import FanOut
from trunkline.graphs.message_batch import RECORDED
from trunkline.graphs.requests import requests_of
from trunkline.graphs.state import has_messages, messages_in
from trunkline.graphs.watch import tool_message
from trunkline.runtime.calls.record import CallRecord
from trunkline.runtime.storage.call_book import CallBook
from trunkline.tools.call import CallResult, CallState, Origin, ToolRequest
from trunkline.tools.outcome import Failed, FailureKind, Outcome, Pending, Unknown

Graph = Pregel[Any, Any, Any, Any]

_STOPPED = Failed(kind=FailureKind.CANCELLED, message="the run was stopped before this call had a result")
_NOT_ON_RECORD = Unknown(message="the run was stopped before this call had a result; it may have taken effect")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """The node of a graph that answers its model's calls."""

    name: str
    messages_key: str
    unrecorded: frozenset[str] = frozenset()
    """The tools whose calls are on no ledger."""


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
    steps = [_finished(graph, state), [StateUpdate({node.messages_key: closing}, node.name)] if closing else []]
    if any(steps):
        await graph.abulk_update_state(config, [step for step in steps if step])


def _finished(graph: Graph, state: StateSnapshot) -> list[StateUpdate]:
    """Return what nodes have written beside the newest checkpoint: the state shows it, the next input would drop it."""
    return [
        StateUpdate(task.result, task.name)
        for task in state.tasks
        if task.result is not None and task.name in graph.nodes and task.name != START
    ]


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
    known = {record.call_id: record for record in await book.lose(open_)} if open_ else {}
    return [
        tool_message(CallResult(call_id=call_id, request=request, outcome=_outcome(known.get(call_id), request, node)))
        for call_id, request in open_.items()
    ]


def _outcome(record: CallRecord | None, request: ToolRequest, node: _Node) -> Outcome:
    """Return what the conversation is told of a call."""
    if record is None:
        return _NOT_ON_RECORD if request.name in node.unrecorded else _STOPPED
    match record.state:
        case CallState.READY | CallState.RUNNING:
            return Pending(call_id=record.call_id, reason=record.reason or "")
        case CallState.CANCELLED:
            return _STOPPED
        case _:
            return record.outcome or _STOPPED


def _answering_nodes(graph: Graph) -> list[_Node]:
    found: list[_Node] = []
    for name, node in graph.nodes.items():
        bound = cast("Any", node).bound
        function = getattr(bound, "afunc", None)
        if isinstance(function, FanOut):
            found.append(_Node(name=name, messages_key=function.messages_key))
        elif isinstance(bound, ToolNode):
            key = getattr(bound, "_messages_key", "messages")  # LangGraph keeps it to itself
            foreign = [tool.name for tool in bound.tools_by_name.values() if RECORDED not in (tool.metadata or {})]
            found.append(_Node(name=name, messages_key=key, unrecorded=frozenset(foreign)))
    return found
