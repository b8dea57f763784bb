"""The engine inside LangChain's own agents, as a middleware. Needs the extra `langchain`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.types import Command

from trunkline.errors import AsyncOnlyError, MissingExtraError, OutsideMiddlewareError
from trunkline.graphs.message_batch import RECORDED, MessageBatch
from trunkline.graphs.scope import scope_of
from trunkline.graphs.siblings import siblings_of
from trunkline.graphs.state import heard_in, messages_in
from trunkline.graphs.watch import tool_message
from trunkline.tools.call import CallResult, Origin
from trunkline.tools.deadline import Deadline
from trunkline.tools.decorator import Adoptable
from trunkline.tools.engine import Engine
from trunkline.tools.executor import CallExecutor
from trunkline.tools.tool import Tool
from trunkline.tools.toolbox import Toolbox

try:
    from langchain.agents.middleware import AgentMiddleware, AgentState
    from langchain.agents.middleware.types import ToolCallRequest
except ImportError as error:
    raise MissingExtraError(feature="TrunklineMiddleware", extra="langchain") from error

Handler = Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]]
Serve = Callable[[Mapping[str, Any], RunnableConfig], Awaitable[CallResult]]

_serve: ContextVar[Serve] = ContextVar("trunkline_serve")
"""Serves the call of this task; set around the handlers of all other middleware."""


class TrunklineMiddleware(AgentMiddleware[AgentState[Any], Any, Any]):
    """Runs tools in Trunkline's engine: `create_agent(model, middleware=[TrunklineMiddleware([get_order, refund])])`.

    All calls of one message are one batch: what conflicts keeps the model's order, all else runs side by side, and a
    call that fails is a result. Under `Trunkline.run` the line's ledger and limits hold; elsewhere those of `engine`,
    by default one with a ledger in memory. What the ledger holds as finished is not run again in a resumed run.

    Other middleware handles each call as usual, before it runs: a batch starts when all its calls have come through,
    or were answered on the way. Tools in `create_agent(tools=...)` run outside the engine, beside its calls. Leave
    LangGraph's `max_concurrency` alone: with it calls run as they come.

    Run the agent with `ainvoke` or `astream`: `invoke` raises `AsyncOnlyError`. Cancelled, it waits for effects that
    are running, and drops the rest.
    """

    def __init__(
        self,
        tools: Toolbox | Iterable[Tool | Adoptable],
        *,
        grants: Callable[[Any], Mapping[str, int]] | None = None,
        deadline: Deadline | None = None,
        engine: Engine | None = None,
    ) -> None:
        """`grants`, `deadline` and `engine` are as in `FanOut`: `engine=Engine(ledger=...)` gives a ledger."""
        super().__init__()
        self.toolbox = tools if isinstance(tools, Toolbox) else Toolbox(tools)
        self.tools = [
            _Face(
                name=made.name,
                description=made.description,
                args_schema=made.parameters.schema(),
                metadata={RECORDED: True},
            )
            for made in self.toolbox
        ]
        self._grants, self._deadline, self._engine = grants, deadline, engine
        self._own: WeakKeyDictionary[asyncio.AbstractEventLoop, CallExecutor] = WeakKeyDictionary()
        self._batches: dict[tuple[str, str], MessageBatch] = {}

    def wrap_tool_call(self, request: ToolCallRequest, handler: object) -> ToolMessage:
        """Raise `AsyncOnlyError`: the agent was run with `invoke` or `stream`."""
        raise AsyncOnlyError(what="TrunklineMiddleware")

    async def awrap_tool_call(self, request: ToolCallRequest, handler: Handler) -> ToolMessage | Command[Any]:
        """Let the call take part in the batch of its message, whatever the handlers below make of it."""
        if not isinstance(request.tool, _Face):
            return await handler(request)
        key, batch = self._batch(request)
        position = batch.position_of(request.tool_call["id"])
        served = _serve.set(partial(batch.serve, position, request.runtime.stream_writer))
        try:
            with batch.gathering.seat(position):
                return await handler(request)
        finally:
            _serve.reset(served)
            if not batch.gathering.seats:
                self._batches.pop(key, None)

    def _batch(self, request: ToolCallRequest) -> tuple[tuple[str, str], MessageBatch]:
        """Return the batch that the call belongs to: that of the same message in the same superstep."""
        message = next(each for each in reversed(messages_in(request.state, "messages")) if isinstance(each, AIMessage))
        info = request.runtime.execution_info
        step = info.checkpoint_id if info else uuid4().hex
        key = (step, message.id or "")
        if key not in self._batches:
            self._batches[key] = self._new_batch(message, step, request)
        return key, self._batches[key]

    def _new_batch(self, message: AIMessage, step: str, request: ToolCallRequest) -> MessageBatch:
        config = request.runtime.config
        scope = scope_of(config)
        thread_id = str(config.get("configurable", {}).get("thread_id", "")) or step
        origin = Origin(
            thread_id=thread_id,
            run_id=scope.run_id if scope else thread_id,
            batch=message.id or step,
            grants=self._grants(request.state) if self._grants else {},
            heard=heard_in(request.state, "messages"),
        )
        return MessageBatch(
            self.toolbox,
            message,
            executor=scope.executor if scope else self._own_executor(),
            origin=origin,
            deadline=self._deadline,
            siblings=siblings_of(config),
        )

    def _own_executor(self) -> CallExecutor:
        loop = asyncio.get_running_loop()
        if loop not in self._own:
            self._own[loop] = CallExecutor(self._engine)
        return self._own[loop]


class _Face(BaseTool):
    """A tool as LangChain's agent sees it: what the model is told. Its calls open no run of LangChain's own."""

    def _run(self, *args: Any, **kwargs: Any) -> ToolMessage:
        raise AsyncOnlyError(what="TrunklineMiddleware")

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> ToolMessage:  # noqa: A002
        """Return the result of the call from the engine, as a message."""
        try:
            serve = _serve.get()
        except LookupError:
            raise OutsideMiddlewareError(tool=self.name) from None
        return tool_message(await serve(input, config or {}))
