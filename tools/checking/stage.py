"""Where batches of calls are rehearsed: each on a fresh world, one by one or with latencies of choice."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, Self

from pydantic_core import from_json, to_json

from trunkline.errors import SubjectError
from trunkline.tools.access import ANYTHING, Access, AccessRule
from trunkline.tools.binding import bind
from trunkline.tools.call import CallResult, Origin, ToolCall, ToolRequest
from trunkline.tools.checking.ending import Ending
from trunkline.tools.checking.latencies import Delay, Latencies
from trunkline.tools.checking.stepping import stepwise
from trunkline.tools.checking.subject import Subject, World, entered
from trunkline.tools.current import current_call
from trunkline.tools.effect import Effect
from trunkline.tools.executor import CallExecutor
from trunkline.tools.outcome import Failed
from trunkline.tools.tool import Tool
from trunkline.tools.toolbox import Toolbox
from trunkline.tools.watcher import Unwatched

_ORIGIN = Origin(thread_id="check", run_id="check", batch="check")
_TOUCHES_ALL = AccessRule(reads=None, writes=ANYTHING)
_LEAST_TIMEOUT = 60.0
"""Seconds: a call that is paused is not late."""

Declared = Callable[[Tool], AccessRule]


class _TouchesNothing(AccessRule):
    """A declaration under which a tool keeps no order, whatever its effect."""

    def __init__(self) -> None:
        super().__init__(reads=(), writes=())

    def __call__(self, arguments: Mapping[str, Any], effect: Effect) -> Access:
        """Return that nothing is touched."""
        del arguments, effect
        return Access(reads=frozenset(), writes=frozenset())


class Stage:
    """Rehearses calls of one subject. An async context manager: it keeps a subject that can be reset open."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._open = AsyncExitStack()
        self._kept: Subject | None = None
        self.patience = 0.05
        """Seconds after which a step that does not end is taken to wait for another call."""

        self.runs = 0
        self.tools: list[Tool] = []
        self.calls: list[ToolCall] = []
        """The calls to try, each once."""

        self.initial: Any = None
        """The state of a fresh world."""

    async def __aenter__(self) -> Self:
        subject = await self._open.enter_async_context(entered(self._world))
        self.tools = list(subject.toolbox)
        bound = [_bound(subject.toolbox, request) for request in subject.calls]
        self.calls = list({call.fingerprint: call for call in bound}.values())
        self.initial = await _state(subject)
        if subject.reset is None:
            await self._open.aclose()
        else:
            self._kept = subject
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def one_by_one(self, calls: Sequence[ToolCall], *, times: int = 1) -> Ending:
        """Run the calls each after the one before, whatever they declare; `times` over, as if nobody had noted it."""
        async with self._fresh() as subject:
            for _ in range(times - 1):
                await self._rehearsed(subject, calls, _at_once, _everything)
            return await self._rehearsed(subject, calls, _at_once, _everything)

    async def side_by_side(self, calls: Sequence[ToolCall], delay: Delay, *, freed: str | None = None) -> Ending:
        """Run the calls as they declare, with these latencies; those of the tool `freed` as if they touched nothing."""
        async with self._fresh() as subject:
            return await self._rehearsed(subject, calls, delay, lambda tool: _as_declared(tool, freed))

    async def _rehearsed(self, subject: Subject, calls: Sequence[ToolCall], delay: Delay, declared: Declared) -> Ending:
        self.runs += 1
        requests = [call.request for call in calls]
        latencies = Latencies(delay, patience=self.patience)
        toolbox = _staged(subject.toolbox, requests, latencies, declared)
        batch = CallExecutor().run(toolbox, requests, origin=_ORIGIN, watcher=Unwatched(), fresh=True)
        results = await latencies.conduct(batch)
        steps = [latencies.steps[position] for position in range(len(calls))]
        return Ending(results=results, state=await _state(subject), steps=steps, ignore=subject.ignore)

    @asynccontextmanager
    async def _fresh(self) -> AsyncGenerator[Subject]:
        if self._kept is None:
            async with entered(self._world) as subject:
                yield subject
        elif self._kept.reset is not None:
            await _result(self._kept.reset)
            yield self._kept


def _staged(toolbox: Toolbox, requests: Sequence[ToolRequest], latencies: Latencies, declared: Declared) -> Toolbox:
    """Return the tools that are asked for, with pauses and without approvals, limits and short timeouts."""
    positions = {_ORIGIN.call_id(position, request): position for position, request in enumerate(requests)}

    def position() -> int:
        return positions[current_call().call_id]

    async def pause(*, blocking: bool = False) -> None:
        await latencies.pause(position(), blocking=blocking)

    def staged(tool: Tool) -> Tool:
        return replace(
            tool,
            function=stepwise(tool.function, pause, lambda: latencies.ended(position())),
            access=declared(tool),
            requires=None if isinstance(tool.requires, str) else tool.requires,
            confirm=None,
            approve=_nobody_is_asked,
            retries=0,
            limit=None,
            rate=None,
            lane=None,
            status=None,
            cache=None,
            timeout=max(tool.timeout, _LEAST_TIMEOUT),
        )

    names = {request.name for request in requests}
    return Toolbox(staged(tool) for tool in toolbox if tool.name in names)


def _nobody_is_asked(arguments: Mapping[str, Any]) -> None:
    del arguments


def _as_declared(tool: Tool, freed: str | None) -> AccessRule:
    return _TouchesNothing() if tool.name == freed else tool.access


def _everything(tool: Tool) -> AccessRule:
    del tool
    return _TOUCHES_ALL


def _at_once(position: int, step: int) -> float:
    del position, step
    return 0.0


def _bound(toolbox: Toolbox, request: ToolRequest) -> ToolCall:
    match bind(toolbox, request, _ORIGIN, 0):
        case ToolCall() as call:
            return call
        case CallResult(outcome=outcome):
            problem = outcome.message if isinstance(outcome, Failed) else str(outcome)
            raise SubjectError(problem=f"its calls hold one of {request.name!r} that cannot be made: {problem}")


async def _state(subject: Subject) -> Any:
    return from_json(to_json(await _result(subject.state), inf_nan_mode="strings"))


async def _result(function: Callable[[], Any]) -> Any:
    given = function()
    return await given if inspect.isawaitable(given) else given
