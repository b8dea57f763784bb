"""The desk at which people decide on calls: what waits, what they say, and what follows from it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pydantic_core import to_jsonable_python

from trunkline.errors import AlreadyDecidedError, DecisionError, EditRefusedError
from trunkline.runtime.calls.decision import Decision, Verdict, is_due, judge
from trunkline.runtime.calls.record import CallRecord
from trunkline.runtime.queue.lease import context_without_lease
from trunkline.runtime.storage.call_book import CLOCK, CallBook, Edit
from trunkline.tools.binding import bind
from trunkline.tools.call import CallId, CallResult, CallState, Origin, ToolCall, ToolRequest, state_of
from trunkline.tools.clock import Clock
from trunkline.tools.executor import CallExecutor
from trunkline.tools.ledger import WAITING
from trunkline.tools.outcome import Done, Failed, FailureKind, Outcome, Unknown
from trunkline.tools.status import status_of
from trunkline.tools.tool import Tool
from trunkline.tools.toolbox import Toolbox
from trunkline.tools.watcher import Watcher

log = logging.getLogger("trunkline.calls")

GRACE = 60.0
"""Seconds beyond all its attempts after which a running call counts as left behind by a process that died."""

_UNSETTLED = {CallState.UNKNOWN, CallState.RUNNING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What became of a call by a decision."""

    call_id: CallId
    state: CallState
    outcome: Outcome | None
    """None while it waits, or for a process that has its tool."""

    missing: int = 0
    """How many people must still agree."""


class Desk:
    """Decides on the calls of a tenant, and carries out what was agreed on, once."""

    def __init__(
        self, *, book: CallBook, executor: CallExecutor, clock: Clock, watch: Callable[[CallRecord], Watcher]
    ) -> None:
        self._book, self._executor, self._clock, self._watch = book, executor, clock, watch
        self._under_way: dict[CallId, asyncio.Task[Decided]] = {}

    async def waiting(self, *, thread_id: str | None = None) -> list[CallRecord]:
        """Return the calls on which somebody must decide, oldest first."""
        return await self._book.calls(thread_id=thread_id, states=WAITING)

    async def calls(
        self, *, thread_id: str | None = None, states: Collection[CallState] | None = None, limit: int | None = None
    ) -> list[CallRecord]:
        """Return calls, oldest first; with `limit` the newest so many."""
        return await self._book.calls(thread_id=thread_id, states=states, limit=limit)

    async def call(self, beginning: str) -> CallRecord:
        """Return the call whose id begins so. Raises `UnknownCallError`."""
        return await self._book.call(beginning)

    async def decide(self, call_id: str, decision: Decision) -> Decided:
        """Record a decision and carry the call out when nothing is before it any more. Raises `DecisionError`.

        Cancelled, the decision stands, and a call that was agreed on is carried out all the same.
        """
        record = await self._book.call(call_id)
        edit = None
        if decision.arguments is not None and not is_due(record, self._clock.now()):
            judge(record, decision, self._clock.now())  # who comes too late hears that, whatever the arguments
            edit = self._edit(record, decision.arguments)
        decided = await self._book.decide(record.call_id, decision, edit=edit)
        if decided.state is CallState.READY:
            return await self.carry_out(decided)
        return _decided(decided)

    async def carry_out(self, record: CallRecord) -> Decided:
        """Run a call that is ready; it stays so where its tool is not known in this process.

        Cancelled, the call goes on.
        """
        return await asyncio.shield(self._begin(record.call_id, lambda: self._carried_out(record.call_id)))

    def _begin(self, call_id: CallId, work: Callable[[], Coroutine[Any, Any, Decided]]) -> asyncio.Task[Decided]:
        """Return the task that carries the call out: one at a time."""
        if call_id not in self._under_way:
            name, context = f"carry out {call_id}", context_without_lease()  # a run may have asked: it is not its call
            task = asyncio.create_task(work(), name=name, context=context)
            self._under_way[call_id] = task
            task.add_done_callback(lambda ended: self._ended(call_id, ended))
        return self._under_way[call_id]

    def _ended(self, call_id: CallId, task: asyncio.Task[Decided]) -> None:
        del self._under_way[call_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("call.carry_out_failed call_id=%s", call_id, exc_info=error)

    async def _carried_out(self, call_id: CallId) -> Decided:
        record = await self._book.call(call_id)
        toolbox = self._toolbox(record)
        if record.state is not CallState.READY or toolbox is None:
            return _decided(record)
        call = _bound(record, toolbox)
        if isinstance(call, CallResult):
            with suppress(DecisionError):  # another process was faster
                await self._book.settle(call_id, call.outcome, among={CallState.READY}, by=CLOCK)
        else:
            await self._executor.carry_out(call, self._watch(record))
        return _decided(await self._book.call(call_id))

    async def settle(self, call_id: str, *, by: str, happened: bool, output: Any = None, reason: str = "") -> Decided:
        """Record what a person found out about a call whose outcome is unknown. Raises `AlreadyDecidedError`."""
        record = await self._book.call(call_id)
        if record.call_id in self._under_way or record.state not in _UNSETTLED:
            problem = f"is {record.state.value}: there is nothing unknown about it"
            raise AlreadyDecidedError(call=record.call_id, state=record.state, problem=problem)
        message = f"a person has found that it did not happen{f': {reason}' if reason else ''}"
        outcome = Done(output=output) if happened else Failed(kind=FailureKind.RETRYABLE, message=message)
        return _decided(await self._book.settle(record.call_id, outcome, among=_UNSETTLED, by=by, reason=reason))

    async def compensate(self, call_id: str, *, by: str) -> Decided:
        """Undo a done call with the tool that its own tool names. Raises `AlreadyDecidedError` where that cannot be."""
        record = await self._book.call(call_id)
        toolbox = self._toolbox(record)
        found = toolbox.get(record.tool) if toolbox else None
        if record.state is not CallState.DONE or toolbox is None or found is None or found.compensate is None:
            problem = f"cannot be undone: it is {record.state.value}, and its tool {_undoing(found)}"
            raise AlreadyDecidedError(call=record.call_id, state=record.state, problem=problem)
        request = _compensation(record, found.compensate)
        origin = replace(_origin(record), batch=f"compensate:{record.call_id}")
        bound = bind(Toolbox([*toolbox, *_missing(toolbox, found.compensate)]), request, origin, 0)
        if isinstance(bound, CallResult):
            return Decided(call_id=bound.call_id, state=CallState.FAILED, outcome=bound.outcome)
        await self._book.attest(record, "compensate", by=by)
        undoing = replace(bound, undoes=record.key)
        return await asyncio.shield(self._begin(undoing.call_id, lambda: self._compensated(record, undoing)))

    async def _compensated(self, record: CallRecord, undoing: ToolCall) -> Decided:
        result = await self._executor.carry_out(undoing, self._watch(record))
        if record.key is None and isinstance(result.outcome, Done):
            await self._book.undone(record, by=result.call_id)
        return Decided(call_id=result.call_id, state=state_of(result.outcome), outcome=result.outcome)

    async def expire(self) -> int:
        """Expire the requests whose time is over, and return how many."""
        expired = 0
        for record in await self._book.due(self._clock.now()):
            with suppress(DecisionError):  # somebody was faster
                await self._book.decide(record.call_id, Decision(verdict=Verdict.EXPIRE, by=CLOCK))
                expired += 1
        return expired

    async def carry_on(self) -> None:
        """Begin to carry out the calls that are ready, and those that a process which died has left running."""
        for record in await self._book.calls(states={CallState.READY, CallState.RUNNING}):
            if record.call_id not in self._under_way and await self._is_free(record):
                self._begin(record.call_id, partial(self._carried_out, record.call_id))

    @property
    def has_gated_tools(self) -> bool:
        """Whether a tool that somebody may have to decide on is known in this process."""
        return self._executor.known.gated

    async def aclose(self) -> None:
        """Wait for what is under way: the executor has been told to end it."""
        if self._under_way:
            await asyncio.wait(list(self._under_way.values()))

    async def _is_free(self, record: CallRecord) -> bool:
        toolbox = self._toolbox(record)
        found = toolbox.get(record.tool) if toolbox else None
        if toolbox is None or found is None:
            return False
        if record.state is CallState.READY:
            return True
        if not self._is_left_behind(record, found):
            return False
        if record.effect.repeatable:
            return await self._book.reclaim(record)
        await self._find_out(record, toolbox)
        return False

    def _is_left_behind(self, record: CallRecord, found: Tool) -> bool:
        """Whether a decided call runs for so long that its process must have died."""
        if record.started_at is None or not (record.approved or record.confirmed):
            return False
        longest = (found.timeout + found.retries) * (found.retries + 1) + GRACE
        return (self._clock.now() - record.started_at).total_seconds() >= longest

    async def _find_out(self, record: CallRecord, toolbox: Toolbox) -> None:
        """Settle a call that was left behind and may not run again: its tool's `status=` knows, or a person must."""
        call = _bound(record, toolbox)
        status = await status_of(call, self._executor.engine.threads) if isinstance(call, ToolCall) else None
        lost = Unknown(message="the process that ran it has died, and it may have taken effect; a person must look")
        with suppress(DecisionError):  # somebody was faster
            await self._book.settle(record.call_id, status or lost, among={CallState.RUNNING}, by=CLOCK)

    def _toolbox(self, record: CallRecord) -> Toolbox | None:
        return self._executor.known.find(record.tool, record.home, thread_id=record.thread_id)

    def _edit(self, record: CallRecord, arguments: Mapping[str, Any]) -> Edit:
        """Check the new arguments as if a model had sent them. Raises `EditRefusedError`."""
        toolbox = self._toolbox(record)
        if toolbox is None:
            problem = f"cannot be edited here: its tool {record.tool!r} is not known; name the agent that has it"
            raise EditRefusedError(call=record.call_id, state=record.state, problem=problem)
        edited = replace(record, arguments=arguments)
        call = _bound(edited, toolbox)
        if isinstance(call, CallResult):
            said = call.outcome.message if isinstance(call.outcome, Failed) else str(call.outcome)
            raise EditRefusedError(call=record.call_id, state=record.state, problem=f"keeps its arguments: {said}")
        kept = to_jsonable_python(call.request.arguments)
        return Edit(arguments=kept, effect=call.effect, key=call.key, fingerprint=call.fingerprint)


def _decided(record: CallRecord) -> Decided:
    waits = record.state is CallState.AWAITING_APPROVAL
    missing = record.people - len(record.agreed) if waits else 0
    return Decided(call_id=record.call_id, state=record.state, outcome=record.outcome, missing=missing)


def _origin(record: CallRecord) -> Origin:
    return Origin(thread_id=record.thread_id, run_id=record.run_id, batch=record.batch, grants=record.grants)


def _bound(record: CallRecord, toolbox: Toolbox) -> ToolCall | CallResult:
    """Bind a call of the ledger to its tool again."""
    request = ToolRequest(name=record.tool, arguments=record.arguments, tool_call_id=record.tool_call_id)
    bound = bind(toolbox, request, _origin(record), 0)
    if isinstance(bound, CallResult):
        return bound
    return replace(
        bound,
        call_id=record.call_id,
        untrusted=record.untrusted,
        undoes=record.undoes or bound.undoes,
        confirmed=record.confirmed,
        approved=record.approved,
    )


def _compensation(record: CallRecord, undoing: Tool) -> ToolRequest:
    output = record.outcome.output if isinstance(record.outcome, Done) else None
    known = {**record.arguments, "output": output}
    arguments = {name: known[name] for name in undoing.parameters.names if name in known}
    return ToolRequest(name=undoing.name, arguments=arguments, tool_call_id=f"undo-{record.tool_call_id}")


def _missing(toolbox: Toolbox, undoing: Tool) -> list[Tool]:
    return [] if toolbox.get(undoing.name) else [undoing]


def _undoing(found: Tool | None) -> str:
    return (
        "is not known here" if found is None else "declares compensate=" if found.compensate else "has no compensate="
    )
