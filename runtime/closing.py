"""Closes the conversation of a run that was stopped: each call that its model asked for gets a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.pregel import Pregel

from trunkline.graphs.fan_out import FanOut
from trunkline.graphs.requests import requests_of
from trunkline.graphs.state import has_messages, messages_in
from trunkline.graphs.watch import tool_message
from trunkline.tools.call import CallResult, Origin
from trunkline.tools.ledger import Ledger
from trunkline.tools.outcome import Failed, FailureKind

Graph = Pregel[Any, Any, Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """The node of a graph that answers its model's calls."""

    name: str
    messages_key: str


async def close_conversation(graph: Graph, config: RunnableConfig, ledger: Ledger, origin: Origin) -> None:
    """Write a result for each open call of the thread's last message into its state, where a `FanOut` node would have.

    Results that were finished are harvested from the ledger; the rest is cancelled, or unknown where an effect may
    have happened. `origin` names thread and run.
    """
    node = _answering_node(graph)
    if node is None:
        return
    state = (await graph.aget_state(config)).values
    if not has_messages(state, node.messages_key):
        return
    closing = await closing_messages(messages_in(state, node.messages_key), ledger, origin)
    if closing:
        await graph.aupdate_state(config, {node.messages_key: closing}, as_node=node.name)


async def closing_messages(messages: Sequence[AnyMessage], ledger: Ledger, origin: Origin) -> list[ToolMessage]:
    """Return the results of the calls that are open at the end of a conversation."""
    asking = next((message for message in reversed(messages) if isinstance(message, AIMessage)), None)
    if asking is None or asking.id is None:
        return []
    answered = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
    batch = Origin(thread_id=origin.thread_id, run_id=origin.run_id, batch=asking.id)
    asked = [(batch.call_id(position, request), request) for position, request in enumerate(requests_of(asking))]
    open_ = {call_id: request for call_id, request in asked if request.tool_call_id not in answered}
    known = await ledger.recall(list(open_))
    stopped = Failed(kind=FailureKind.CANCELLED, message="the run was stopped before this call had a result")
    return [
        tool_message(CallResult(call_id=call_id, request=request, outcome=known.get(call_id, stopped)))
        for call_id, request in open_.items()
    ]


def _answering_node(graph: Graph) -> _Node | None:
    for name, node in graph.nodes.items():
        function = getattr(cast("Any", node).bound, "afunc", None)
        if isinstance(function, FanOut):
            return _Node(name=name, messages_key=function.messages_key)
    return None
