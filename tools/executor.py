"""Runs the calls of one turn side by side: one task a call, results in the order of the requests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Protocol

from trunkline.tools.access import predecessors
from trunkline.tools.attempt import attempt
from trunkline.tools.binding import bind, broken_declaration
from trunkline.tools.call import CallId, CallResult, Origin, ToolCall, ToolRequest
from trunkline.tools.ledger import Ledger, MemoryLedger
from trunkline.tools.limits import Limits
from trunkline.tools.outcome import Outcome
from trunkline.tools.shielding import to_its_end
from trunkline.tools.threads import ToolThreads
from trunkline.tools.toolbox import Toolbox


class Watcher(Protocol):
    """Is told of each request: of a call as it starts and ends, inside the task that runs it. Must not raise."""

    async def refused(self, result: CallResult) -> None:
        """The request means no call: there is no such tool, or its arguments are not valid."""
        ...

    async def started(self, call: ToolCall, *, waited: float) -> None:
        """The call has its slot, and runs now. `waited` is in seconds."""
        ...

    async def finished(self, call: ToolCall, result: CallResult) -> None:
        """The call has ended, or was settled without running."""
        ...


class CallExecutor:
    """Runs batches of calls under shared limits and records them in a ledger. Belongs to one event loop.

    A call that fails is a result like any other; its siblings go on. When a batch is cancelled, calls that have not
    started and running reads are dropped; an effect that is running is waited for and recorded first.
    """

    def __init__(
        self,
        *,
        ledger: Ledger | None = None,
        limits: Limits | None = None,
        threads: ToolThreads | None = None,
    ) -> None:
        self._ledger = ledger or MemoryLedger()
        self._limits = limits or Limits()
        self._threads = threads or ToolThreads()

    async def run(
        self,
        toolbox: Toolbox,
        requests: Sequence[ToolRequest],
        *,
        origin: Origin,
        watcher: Watcher,
        fresh: bool = False,
    ) -> list[CallResult]:
        """Run the requests side by side where nothing conflicts, and return their results in the same order.

        What an earlier run of the same batch has finished is taken from the ledger; `fresh` says that there was none.
        """
        bound = [bind(toolbox, request, origin, position) for position, request in enumerate(requests)]
        for item in bound:
            if isinstance(item, CallResult):
                await watcher.refused(item)
        calls = [item for item in bound if isinstance(item, ToolCall)]
        known: Mapping[CallId, Outcome] = {}
        if calls and not fresh:
            known = await self._ledger.recall(calls)
        results = await self._run_calls(calls, known, watcher)
        return [item if isinstance(item, CallResult) else results[item.call_id] for item in bound]

    async def _run_calls(
        self, calls: Sequence[ToolCall], known: Mapping[CallId, Outcome], watcher: Watcher
    ) -> Mapping[CallId, CallResult]:
        tasks: list[asyncio.Task[CallResult]] = []
        try:
            async with asyncio.TaskGroup() as group:
                for call, before in zip(calls, predecessors([call.access for call in calls]), strict=True):
                    service = _Service(self._ledger, self._limits, self._threads, watcher, call)
                    earlier = [tasks[position] for position in before]
                    work = service.run(known.get(call.call_id), earlier)
                    tasks.append(group.create_task(work, name=f"call {call.tool.name} {call.call_id}"))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from errors
        return {task.result().call_id: task.result() for task in tasks}


class _Service:
    """The life of one call, from its turn in the queue to its record."""

    def __init__(self, ledger: Ledger, limits: Limits, threads: ToolThreads, watcher: Watcher, call: ToolCall) -> None:
        self._ledger, self._limits, self._threads = ledger, limits, threads
        self._watcher, self._call = watcher, call
        self._asked = monotonic()

    async def run(self, known: Outcome | None, before: Sequence[asyncio.Task[CallResult]]) -> CallResult:
        if known is not None:
            return await self._settled(known)
        if before:
            await asyncio.wait(before)
        if (settled := await self._asked_first()) is not None:
            return await self._settled(settled)
        async with self._limits.slot(self._call.tool):
            waited = monotonic() - self._asked
            await self._watcher.started(self._call, waited=waited)
            if not self._call.tool.effect.is_read:
                return await to_its_end(self._effect(waited), name=f"effect {self._call.call_id}")
            result = await self._attempted(waited)
        return await self._recorded(result)

    async def _asked_first(self) -> Outcome | None:
        """Return how the call stands if a person must decide on it first; None when it may run."""
        try:
            reason = self._call.reason_to_ask
        except Exception as error:  # noqa: BLE001 - the edge: an approval rule is foreign code
            return broken_declaration(self._call.tool, self._call.call_id, error)
        return await self._ledger.propose(self._call, reason) if reason else None

    async def _effect(self, waited: float) -> CallResult:
        settled = await self._ledger.intend(self._call)
        if settled is not None:
            result = self._result(settled, waited=waited)
            await self._watcher.finished(self._call, result)
            return result
        return await self._recorded(await self._attempted(waited))

    async def _recorded(self, result: CallResult) -> CallResult:
        await self._ledger.record(self._call, result)
        await self._watcher.finished(self._call, result)
        return result

    async def _attempted(self, waited: float) -> CallResult:
        started = monotonic()
        outcome = await attempt(self._call, self._threads)
        return self._result(outcome, waited=waited, seconds=monotonic() - started)

    async def _settled(self, outcome: Outcome) -> CallResult:
        result = self._result(outcome)
        await self._watcher.started(self._call, waited=0.0)
        await self._watcher.finished(self._call, result)
        return result

    def _result(self, outcome: Outcome, *, waited: float = 0.0, seconds: float = 0.0) -> CallResult:
        return CallResult(
            call_id=self._call.call_id,
            request=self._call.request,
            outcome=outcome,
            waited=waited,
            seconds=seconds,
        )
