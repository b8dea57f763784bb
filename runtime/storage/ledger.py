"""The ledger of calls in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_jsonable_python
from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.runtime.storage.tables import CallRow
from trunkline.runtime.storage.transactions import Result, Work
from trunkline.runtime.storage.upsert import upsert
from trunkline.runtime.storage.writer import Writer
from trunkline.tools.call import CallId, CallResult, CallState, ToolCall, state_of
from trunkline.tools.effect import Effect
from trunkline.tools.ledger import HOLDING, Entry, verdict
from trunkline.tools.outcome import Done, Failed, FailureKind, Outcome, Pending, Unknown

_HOLDING = sorted(HOLDING)

_CHANGING = ("run_id", "state", "reason", "output", "failure", "error", "waited", "seconds", "recorded_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTally:
    """How many calls of a tool stand in a state."""

    tool: str
    effect: Effect
    state: CallState
    failure: FailureKind | None
    """Why it failed. None for one that failed: its answer was lost, and another call with its key settled it."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A call that waits for a person's decision."""

    call_id: CallId
    thread_id: str
    tool: str
    arguments: Mapping[str, Any]
    reason: str


class DatabaseLedger:
    """Records calls in the table `calls`; keys are unique within a tenant. See `trunkline.tools.ledger.Ledger`."""

    def __init__(self, *, engine: AsyncEngine, writer: Writer, tenant: str) -> None:
        self._engine = engine
        self._writer = writer
        self._tenant = tenant
        self._record = upsert(engine.dialect, CallRow, replacing=_CHANGING)

    async def recall(self, calls: Sequence[ToolCall]) -> Mapping[CallId, Outcome]:
        """Return the outcomes of those calls that are finished."""
        wanted = select(CallRow.__table__).where(CallRow.id.in_([call.call_id for call in calls]))
        async with self._engine.connect() as connection:
            entries = [_entry(row) for row in await connection.execute(wanted)]
        return {entry.call_id: entry.outcome for entry in entries if entry.outcome is not None}

    async def intend(self, call: ToolCall) -> Outcome | None:
        """Record the intent, unless an earlier call with the same id or key settles it."""

        async def work(connection: AsyncConnection) -> Outcome | None:
            earlier = await self._earlier(connection, call)
            settled = verdict(call, earlier)
            if settled is None:
                await connection.execute(self._record, [self._row(call, state=CallState.RUNNING)])
            elif isinstance(settled, Unknown) and earlier and earlier.call_id == call.call_id:
                lost = self._row(call, state=CallState.UNKNOWN) | {"error": settled.message}
                await connection.execute(self._record, [lost])
            return settled

        return await self._decide(work)

    async def propose(self, call: ToolCall, reason: str) -> Outcome:
        """Record the proposal, unless an earlier call with the same id or key settles it."""

        async def work(connection: AsyncConnection) -> Outcome:
            settled = verdict(call, await self._earlier(connection, call))
            if settled is None:
                row = self._row(call, state=CallState.AWAITING_APPROVAL, reason=reason)
                await connection.execute(self._record, [row])
                settled = Pending(call_id=call.call_id, reason=reason)
            return settled

        return await self._decide(work)

    async def record(self, call: ToolCall, result: CallResult) -> None:
        """Record how the call ended. A done effect also settles the unknown ones under its key."""
        row = self._row(call, state=state_of(result.outcome)) | _ending(result)
        recorded = self._writer.post(self._record, row)
        if call.key and isinstance(result.outcome, Done):
            await self._settle_unknown(call)
        await recorded

    async def tally(self) -> list[CallTally]:
        """Return how the tenant's calls stand, by tool."""
        columns = (CallRow.tool, CallRow.effect, CallRow.state, CallRow.failure)
        wanted = select(*columns, func.count().label("calls")).where(CallRow.tenant == self._tenant)
        async with self._engine.connect() as connection:
            order = (CallRow.tool, CallRow.effect, CallRow.state, CallRow.failure.nulls_first())
            rows = await connection.execute(wanted.group_by(*columns).order_by(*order))
            return [_tally(row) for row in rows]

    async def waiting(self) -> list[Waiting]:
        """Return the tenant's calls that wait for a person, oldest first."""
        open_ = (CallRow.tenant == self._tenant) & (CallRow.state == CallState.AWAITING_APPROVAL.value)
        wanted = select(CallRow.__table__).where(open_).order_by(CallRow.recorded_at)
        async with self._engine.connect() as connection:
            return [_waiting(row) for row in await connection.execute(wanted)]

    async def _decide(self, work: Work[Result]) -> Result:
        """Look and write in one transaction; once more when another process took the key in between."""
        try:
            return await self._writer.write(work)
        except IntegrityError:
            return await self._writer.write(work)

    async def _earlier(self, connection: AsyncConnection, call: ToolCall) -> Entry | None:
        same = CallRow.id == call.call_id
        if call.key:
            same = or_(same, (CallRow.tenant == self._tenant) & (CallRow.key == call.key))
        holds = CallRow.state.in_(_HOLDING)
        unknown_last = (CallRow.state == CallState.UNKNOWN.value, CallRow.recorded_at.desc())
        found = await connection.execute(select(CallRow.__table__).where(same, holds).order_by(*unknown_last).limit(1))
        row = found.first()
        return _entry(row) if row else None

    def _row(self, call: ToolCall, *, state: CallState, reason: str | None = None) -> dict[str, Any]:
        return {
            "id": call.call_id,
            "tenant": self._tenant,
            "thread_id": call.origin.thread_id,
            "run_id": call.origin.run_id,
            "batch": call.origin.batch,
            "tool_call_id": call.request.tool_call_id,
            "tool": call.tool.name,
            "effect": call.tool.effect.value,
            "arguments": to_jsonable_python(dict(call.request.arguments)),
            "fingerprint": call.fingerprint,
            "key": call.key,
            "state": state.value,
            "reason": reason,
            "output": None,
            "failure": None,
            "error": None,
            "waited": None,
            "seconds": None,
            "recorded_at": datetime.now(UTC),
        }

    async def _settle_unknown(self, call: ToolCall) -> None:
        held = (CallRow.tenant == self._tenant) & (CallRow.key == call.key) & (CallRow.id != call.call_id)
        note = f"settled: call {call.call_id} took effect under the same key"
        changes = {"state": CallState.FAILED.value, "error": note}
        settle = update(CallRow).where(held, CallRow.state == CallState.UNKNOWN.value).values(**changes)

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(settle)

        await self._writer.write(work)


def _ending(result: CallResult) -> dict[str, Any]:
    """The columns that say how a call ended."""
    outcome = result.outcome
    return {
        "output": outcome.output if isinstance(outcome, Done) else None,
        "failure": outcome.kind.value if isinstance(outcome, Failed) else None,
        "error": outcome.message if isinstance(outcome, Failed | Unknown) else None,
        "waited": result.waited,
        "seconds": result.seconds,
    }


def _tally(row: Any) -> CallTally:
    return CallTally(
        tool=row.tool,
        effect=Effect(row.effect),
        state=CallState(row.state),
        failure=FailureKind(row.failure) if row.failure else None,
        count=row.calls,
    )


def _waiting(row: Any) -> Waiting:
    return Waiting(
        call_id=CallId(row.id),
        thread_id=row.thread_id,
        tool=row.tool,
        arguments=row.arguments,
        reason=row.reason,
    )


def _entry(row: Any) -> Entry:
    state = CallState(row.state)
    return Entry(call_id=CallId(row.id), fingerprint=row.fingerprint, state=state, outcome=_outcome(state, row))


def _outcome(state: CallState, row: Any) -> Outcome | None:
    match state:
        case CallState.DONE:
            return Done(output=row.output, replayed=True)
        case CallState.FAILED if row.failure:
            return Failed(kind=FailureKind(row.failure), message=row.error)
        case CallState.UNKNOWN:
            return Unknown(message=row.error)
        case CallState.AWAITING_APPROVAL:
            return Pending(call_id=row.id, reason=row.reason)
        case _:
            return None
