"""The calls of one turn: started together, ordered where they conflict, ended by a deadline or by one another."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from trunkline.errors import CallFailedError, QuorumError
from trunkline.tools.call import CallId, CallResult, ToolCall
from trunkline.tools.deadline import Deadline
from trunkline.tools.engine import Engine
from trunkline.tools.ordering import Ordering
from trunkline.tools.outcome import Done, Failed, FailureKind, Outcome, StillRunning, is_error
from trunkline.tools.service import Service
from trunkline.tools.watcher import Watcher

Task = asyncio.Task[CallResult]


class Batch:
    """Runs the calls of one turn. Belongs to one event loop, and is run once."""

    def __init__(
        self,
        engine: Engine,
        calls: Sequence[ToolCall],
        watcher: Watcher,
        *,
        deadline: Deadline | None = None,
        quorum: int | None = None,
    ) -> None:
        self._engine, self._calls, self._watcher = engine, calls, watcher
        if quorum is not None and quorum < 1:
            message = f"quorum must be at least 1 call, got {quorum}"
            raise ValueError(message)
        self._deadline, self._quorum = deadline or Deadline(), quorum
        self._cutter: asyncio.Task[None] | None = None
        """Waits for the hard deadline after the soft one."""

        self._services: list[Service] = []
        self.tasks: list[Task] = []
        """One for each call. After `run` some may go on: those that a deadline has left running."""

        self._done = self._open = 0
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Set when nothing more has to be waited for."""

    async def run(self, known: Mapping[CallId, Outcome]) -> list[CallResult]:
        """Return the results in the order of the calls. `known` are those that an earlier run of the batch has ended.

        Cancelled, reads and calls that wait are dropped, effects that run are waited for. Raises `CallFailedError` and
        `QuorumError` as the requests demand, and what a ledger raises.
        """
        self._begin(known)
        try:
            await self._wait()
        except asyncio.CancelledError:
            await self._stop("the run was stopped")
            raise
        self._raise_faults()
        return [self._result(service, task) for service, task in zip(self._services, self.tasks, strict=True)]

    def _begin(self, known: Mapping[CallId, Outcome]) -> None:
        order = Ordering()
        reads: dict[tuple[str, tuple[int, ...]], Task] = {}
        for call in self._calls:
            before = order.before(call.access)
            service = Service(self._engine, call, self._watcher)
            alike = (call.fingerprint, tuple(before)) if call.effect.is_read else None
            work = service.run(
                known.get(call.call_id),
                [self.tasks[position] for position in before],
                reads.get(alike) if alike else None,
            )
            task = asyncio.create_task(work, name=f"call {call.tool.name} {call.call_id}")
            task.add_done_callback(self._ended)
            self._services.append(service)
            self.tasks.append(task)
            if alike:
                reads.setdefault(alike, task)
        self._open = len(self.tasks)
        if not self.tasks:
            self._over.set_result(None)

    async def _wait(self) -> None:
        """Wait for the end of the batch, or for its deadline."""
        soft, hard = self._deadline.soft, self._deadline.hard
        if await self._is_over(soft if soft is not None else hard):
            if self._open:
                await self._stop("the rest of the turn had ended")
            return
        await self._leave_behind()
        if soft is None:
            self._cut("the turn's deadline has passed")
        elif hard is not None and self._open:
            self._cutter = asyncio.create_task(self._cut_after(hard - soft), name="hard deadline")

    async def _leave_behind(self) -> None:
        """Let the calls without a result be late; those that have one are only on their way into the ledger."""
        pairs = [(service, task) for service, task in zip(self._services, self.tasks, strict=True) if not task.done()]
        for service, _ in pairs:
            service.late = service.result is None
        if ending := [task for service, task in pairs if not service.late]:
            await asyncio.wait(ending)

    async def _cut_after(self, seconds: float) -> None:
        await self._engine.clock.sleep(seconds)
        self._cut("the turn's deadline has passed")

    async def _is_over(self, seconds: float | None) -> bool:
        if seconds is None:
            await asyncio.shield(self._over)
            return True
        pause = asyncio.ensure_future(self._engine.clock.sleep(seconds))
        try:
            await asyncio.wait([pause, self._over], return_when=asyncio.FIRST_COMPLETED)
        finally:
            pause.cancel()
        return self._over.done()

    def _ended(self, task: Task) -> None:
        self._open -= 1
        if self._open == 0 and self._cutter:
            self._cutter.cancel()
        if not task.cancelled():
            task.exception()  # looked at: of several that fall, one is raised, and nobody asks for the others
        if self._over.done():
            return
        if self._open == 0 or task.cancelled() or task.exception() is not None or self._enough(task.result()):
            self._over.set_result(None)

    def _enough(self, result: CallResult) -> bool:
        """Whether this end settles the batch: a call that may not fail has failed, or as many as needed are done."""
        self._done += isinstance(result.outcome, Done)
        failed = is_error(result.outcome)
        return (failed and result.request.on_failure == "fail_fast") or self._done == self._quorum

    def _cut(self, why: str) -> None:
        """Cancel what still waits or reads; effects that run go on to their end."""
        for service, task in zip(self._services, self.tasks, strict=True):
            if not task.done():
                service.stopped = why
                task.cancel()

    async def _stop(self, why: str) -> None:
        """Cancel what waits or reads, and wait for the effects that run."""
        self._cut(why)
        waiting = [task for task in self.tasks if not task.done()]
        while waiting:
            with suppress(asyncio.CancelledError):
                await asyncio.wait(waiting)
            waiting = [task for task in self.tasks if not task.done()]

    def _raise_faults(self) -> None:
        for task in self.tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error
        for task in self.tasks:
            if task.done() and not task.cancelled():
                raise_if_needed(task.result())
        if self._quorum is not None and self._done < self._quorum and not self._open:
            raise QuorumError(needed=self._quorum, done=self._done, calls=len(self._calls))

    @staticmethod
    def _result(service: Service, task: Task) -> CallResult:
        if task.done() and service.result:
            return service.result  # also of an effect that was cancelled, and came to its end first
        if task.cancelled():
            outcome: Outcome = Failed(kind=FailureKind.CANCELLED, message=service.stopped)
        else:
            outcome = StillRunning(call_id=service.call.call_id)
        return CallResult(call_id=service.call.call_id, request=service.call.request, outcome=outcome)


def raise_if_needed(result: CallResult) -> None:
    """Raise `CallFailedError` if the call failed and its batch cannot do without it."""
    if result.request.on_failure != "continue" and is_error(result.outcome):
        raise CallFailedError(tool=result.request.name, call=result.call_id, outcome=str(result.outcome))
