"""The fan-out node: runs the tool calls of a model's message side by side, in any LangGraph graph with messages."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer
from langgraph.runtime import get_runtime
from pydantic_core import to_json

from trunkline.graphs.requests import requests_of
from trunkline.graphs.scope import scope_of
from trunkline.graphs.state import heard_in, messages_in
from trunkline.graphs.watch import CallWatcher, tool_message
from trunkline.tools.call import CallResult, Origin, ToolRequest
from trunkline.tools.deadline import Deadline
from trunkline.tools.decorator import Adoptable
from trunkline.tools.engine import Engine
from trunkline.tools.executor import CallExecutor
from trunkline.tools.tool import Tool
from trunkline.tools.toolbox import Toolbox


class FanOut:
    """A graph node that answers the tool calls of the last message, all in one step, results in the model's order.

    Use it as `graph.add_node("tools", FanOut([...]))` in any `StateGraph` with messages. Under `Trunkline.run` calls
    are recorded in the database's ledger and share the process's limits; elsewhere in a ledger in memory. Cancelled,
    it waits for effects that are running, and drops the rest.
    """

    def __init__(
        self,
        tools: Toolbox | Iterable[Tool | Adoptable],
        *,
        messages_key: str = "messages",
        grants: Callable[[Any], Mapping[str, int]] | None = None,
        deadline: Deadline | None = None,
        engine: Engine | None = None,
    ) -> None:
        """`grants` tells from the graph's state what `requires="verified:2"` is checked against; `deadline` is for the
        calls of a message; `engine` serves the calls outside `Trunkline.run`, by default one with a ledger in memory.
        """
        self.toolbox = tools if isinstance(tools, Toolbox) else Toolbox(tools)
        self.messages_key = messages_key
        self._grants, self._deadline, self._engine = grants, deadline, engine
        self._own: WeakKeyDictionary[asyncio.AbstractEventLoop, CallExecutor] = WeakKeyDictionary()

    async def __call__(self, state: Any, config: RunnableConfig) -> dict[str, list[ToolMessage]]:
        """Run the calls of the last message and return their results as messages."""
        message = _last_message(state, self.messages_key)
        results = await self.run(requests_of(message), config, state=state, batch=message.id, deadline=self._deadline)
        return {self.messages_key: [tool_message(result) for result in results]}

    async def run(
        self,
        requests: Sequence[ToolRequest],
        config: RunnableConfig,
        *,
        state: Any = None,
        batch: str | None = None,
        deadline: Deadline | None = None,
        quorum: int | None = None,
    ) -> list[CallResult]:
        """Run requests that the graph's own code makes, inside a node, and return their results in order.

        `state` is the graph's, for grants and for what the customer said. `batch` identifies the requests across a
        resume; left out, it is the graph's task with what is asked, so that asking for the same twice in one step gives
        the first results again. `deadline` and `quorum` are as in `CallExecutor.run`.
        """
        batch = batch or _batch(requests)
        scope = scope_of(config)
        thread_id = str(config.get("configurable", {}).get("thread_id", "")) or uuid4().hex
        origin = Origin(
            thread_id=thread_id,
            run_id=scope.run_id if scope else thread_id,
            batch=batch,
            grants=self._grants(state) if self._grants and state is not None else {},
            heard=[] if state is None else heard_in(state, self.messages_key),
        )
        watcher = CallWatcher(config, batch, get_stream_writer())
        executor = scope.executor if scope else self._own_executor()
        fresh = scope is not None and scope.takes_first(batch)
        return await executor.run(
            self.toolbox, requests, origin=origin, watcher=watcher, fresh=fresh, deadline=deadline, quorum=quorum
        )

    def _own_executor(self) -> CallExecutor:
        loop = asyncio.get_running_loop()
        if loop not in self._own:
            self._own[loop] = CallExecutor(self._engine)
        return self._own[loop]


def _batch(requests: Sequence[ToolRequest]) -> str:
    info = get_runtime().execution_info
    asked = to_json([[request.name, request.arguments] for request in requests])
    return f"{info.task_id if info else uuid4().hex}:{hashlib.sha256(asked).hexdigest()[:16]}"


def _last_message(state: Any, key: str) -> AIMessage:
    messages = messages_in(state, key)
    last = messages[-1] if messages else None
    if not isinstance(last, AIMessage):
        found = type(last).__name__ if last else "nothing"
        problem = f"FanOut answers a model's message and found {found} at the end of {key!r}; route to it after a model"
        raise TypeError(problem)
    return last
