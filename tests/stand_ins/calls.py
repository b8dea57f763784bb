"""Runs batches of tool calls without a graph and without a model."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from trunkline.tools import (
    CallExecutor,
    CallId,
    CallResult,
    Deadline,
    MemoryLedger,
    Origin,
    Outcome,
    Tool,
    Toolbox,
    ToolCall,
    ToolRequest,
)
from trunkline.tools.binding import bind
from trunkline.tools.decorator import Adoptable
from trunkline.tools.ledger import Entry
from trunkline.tools.signature import Function


def ask(tool: Tool | Function | str, /, **arguments: Any) -> ToolRequest:
    """Ask for a tool with these arguments."""
    name = tool if isinstance(tool, str) else tool.name if isinstance(tool, Tool) else tool.__name__
    return ToolRequest(name=name, arguments=arguments, tool_call_id=f"call_{name}")


def origin(batch: str | None = None) -> Origin:
    """Name where a batch comes from; left out, a batch that no other is."""
    return Origin(thread_id="thread", run_id="run", batch=batch or uuid4().hex)


def id_of(request: ToolRequest, position: int = 0, *, batch: str = "b") -> CallId:
    """Return the id of the request at this position of a batch."""
    return origin(batch).call_id(position, request)


async def results(
    tools: Iterable[Tool | Adoptable],
    *requests: ToolRequest,
    executor: CallExecutor | None = None,
    batch: str | None = None,
) -> list[CallResult]:
    """Run the requests as one batch; left out, an executor of its own and a batch of its own."""
    runner = executor or CallExecutor()
    return await runner.run(Toolbox(tools), requests, origin=origin(batch), watcher=Listener())


async def outcomes(
    tools: Iterable[Tool | Adoptable],
    *requests: ToolRequest,
    executor: CallExecutor | None = None,
    batch: str | None = None,
) -> list[Outcome]:
    """Run the requests like `results`, and return only how they ended."""
    return [result.outcome for result in await results(tools, *requests, executor=executor, batch=batch)]


@dataclass(slots=True)
class Listener:
    """A watcher that writes down what it is told."""

    heard: list[str] = field(default_factory=list[str])

    async def refused(self, result: CallResult) -> None:
        self.heard.append(f"{result.request.name} refused")

    async def started(self, call: ToolCall, *, waited: float) -> None:
        del waited
        self.heard.append(f"{call.tool.name} started")

    async def retried(self, call: ToolCall, *, attempt: int, why: str, seconds: float) -> None:
        del why, seconds
        self.heard.append(f"{call.tool.name} retried after attempt {attempt}")

    async def finished(self, call: ToolCall, result: CallResult) -> None:
        self.heard.append(f"{call.tool.name} finished: {type(result.outcome).__name__}")


@dataclass(slots=True)
class Crowd:
    """Counts how many are inside its `with` block at once."""

    inside: int = 0
    peak: int = 0

    def __enter__(self) -> Self:
        self.inside += 1
        self.peak = max(self.peak, self.inside)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.inside -= 1


async def turn(
    tools: Iterable[Tool | Function],
    *requests: ToolRequest,
    executor: CallExecutor | None = None,
    batch: str | None = None,
    grants: Mapping[str, int] | None = None,
    heard: Sequence[str] = (),
    deadline: Deadline | None = None,
    quorum: int | None = None,
) -> list[Outcome]:
    """Run the requests like `outcomes`, as a turn with terms of its own."""
    where = replace(origin(batch), grants=grants or {}, heard=heard)
    runner = executor or CallExecutor()
    ended = await runner.run(
        Toolbox(tools), requests, origin=where, watcher=Listener(), deadline=deadline, quorum=quorum
    )
    return [result.outcome for result in ended]


def entry_of(ledger: MemoryLedger, call_id: CallId) -> Entry:
    """Return what the ledger holds of a call."""
    return ledger._entries[call_id]  # pyright: ignore[reportPrivateUsage]


async def cut_off(ledger: MemoryLedger, made: Tool, request: ToolRequest, *, batch: str = "b") -> CallId:
    """Leave the first request of a batch as a process does that dies in the middle of its effect."""
    call = bind(Toolbox([made]), request, origin(batch), 0)
    assert isinstance(call, ToolCall)
    await ledger.intend(call)
    return call.call_id
