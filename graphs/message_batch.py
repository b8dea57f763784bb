"""The calls of one message that LangGraph spread over tasks, brought together for the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from langchain_core.messages import AIMessage, ToolCall
from langchain_core.runnables import RunnableConfig

from trunkline.graphs.gathering import Asked, Gathering, Members
from trunkline.graphs.requests import requests_of
from trunkline.graphs.watch import CallWatcher, Emit
from trunkline.tools.call import CallResult, Origin
from trunkline.tools.deadline import Deadline
from trunkline.tools.executor import CallExecutor
from trunkline.tools.toolbox import Toolbox

RECORDED = "trunkline_recorded"
"""Stands in the metadata of LangChain's face of a tool whose calls go through the engine, and so onto its ledger."""


class MessageBatch:
    """One batch for the engine. Each call keeps the position, and so the id, that it has in the message."""

    def __init__(
        self,
        toolbox: Toolbox,
        message: AIMessage,
        *,
        executor: CallExecutor,
        origin: Origin,
        deadline: Deadline | None,
        siblings: Iterable[tuple[asyncio.Future[Any], Any]],
    ) -> None:
        self._toolbox, self._executor, self._origin, self._deadline = toolbox, executor, origin, deadline
        self._requests = requests_of(message)
        self._ids = [asked["id"] for asked in message.tool_calls]
        self._taken = set[int]()
        expected = {
            self.position_of(asked["id"]): future
            for future, given in siblings
            for asked in _calls_in(given, message)
            if toolbox.get(asked["name"]) and asked["id"] in self._ids
        }
        self._taken.clear()
        self.gathering = Gathering(expected, self._run)

    def position_of(self, tool_call_id: str | None) -> int:
        """Return the position of the call in the message; of calls with one id each gets another."""
        same = [position for position, id_ in enumerate(self._ids) if id_ == tool_call_id]
        if not same:
            problem = f"the model's message has no call {tool_call_id!r}: middleware must leave the ids of calls alone"
            raise ValueError(problem)
        position = next((position for position in same if position not in self._taken), same[-1])
        self._taken.add(position)
        return position

    async def serve(self, position: int, emit: Emit, asked: Mapping[str, Any], config: RunnableConfig) -> CallResult:
        """Return the result of the call, whose name and arguments may no longer be those of the message."""
        request = replace(self._requests[position], name=asked["name"], arguments=asked["args"])
        watcher = CallWatcher(config, self._origin.batch, emit)
        return await self.gathering.ask(Asked(position=position, request=request, watcher=watcher))

    async def _run(self, batch: Mapping[int, Asked]) -> None:
        requests = [
            batch[position].request if position in batch else replace(request, problem="it is not in the batch")
            for position, request in enumerate(self._requests)
        ]
        members = Members(batch.values())
        results = await self._executor.run(
            self._toolbox, requests, origin=self._origin, watcher=members, deadline=self._deadline
        )
        for position, asked in batch.items():
            asked.answer(results[position])


def _calls_in(given: Any, message: AIMessage) -> Sequence[ToolCall]:
    """Return the calls that a task of the tools' node was given: one in a list, or all by way of the whole state."""
    return cast("list[ToolCall]", given) if isinstance(given, list) else message.tool_calls
