"""The ledger of calls in the database, as people ask for it: what waits, what became of it, what they decide."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_jsonable_python
from sqlalchemy import ColumnElement, case, func, insert, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.errors import DecisionError, EditRefusedError, RequestExpiredError, UnknownCallError
from trunkline.runtime.calls.decision import Decision, Step, Verdict, is_due, judge, too_late
from trunkline.runtime.calls.record import CallRecord, DecisionRecord
from trunkline.runtime.storage.call_rows import ending_of, record_of, undoing
from trunkline.runtime.storage.tables import CallRow, DecisionRow, NewsRow
from trunkline.runtime.storage.writer import Writer
from trunkline.tools.call import CallId, CallState, state_of
from trunkline.tools.effect import Effect
from trunkline.tools.ledger import WAITING
from trunkline.tools.outcome import Done, FailureKind, Outcome

CLOCK = "the clock"
"""Who decides that a request has expired."""

_FOUND = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTally:
    """How many calls of a tool stand in a state."""

    tool: str
    effect: Effect
    state: CallState
    failure: FailureKind | None
    """Why it failed. None for one that failed: its answer was lost, and another call with its key settled it."""

    count: int
    repeated: int = 0
    """Attempts beyond the first of each: answers that got lost, and were asked for again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """New arguments for a call, found valid, with what follows from them."""

    arguments: Mapping[str, Any]
    effect: Effect
    key: str | None
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something that a conversation must be told."""

    id: int
    event: str
    call: CallRecord


class CallBook:
    """Reads the calls of a tenant, and changes them as people decide. A tenant that is None stands for all of them."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        writer: Writer,
        tenant: str | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine, self._writer, self._tenant, self._now = engine, writer, tenant, now

    def of_all_tenants(self) -> CallBook:
        """Return the book of every tenant's calls; what is decided in it is recorded for the tenant of the call."""
        return CallBook(engine=self._engine, writer=self._writer, tenant=None, now=self._now)

    async def calls(
        self, *, thread_id: str | None = None, states: Collection[CallState] | None = None, limit: int | None = None
    ) -> list[CallRecord]:
        """Return the tenant's calls, oldest first; with `limit` the newest so many."""
        wanted = select(CallRow.__table__).where(self._ours)
        if thread_id is not None:
            wanted = wanted.where(CallRow.thread_id == thread_id)
        if states is not None:
            wanted = wanted.where(CallRow.state.in_([state.value for state in states]))
        wanted = wanted.order_by(CallRow.recorded_at.desc(), CallRow.id).limit(limit)
        async with self._engine.connect() as connection:
            return [record_of(row) for row in await connection.execute(wanted)][::-1]

    async def call(self, beginning: str) -> CallRecord:
        """Return the call whose id begins so. Raises `UnknownCallError` where there is none, or more than one."""
        begins = CallRow.id.startswith(beginning, autoescape=True) if beginning else CallRow.id == ""
        wanted = select(CallRow.__table__).where(self._ours, begins).limit(_FOUND)
        async with self._engine.connect() as connection:
            found = [record_of(row) for row in await connection.execute(wanted)]
        if len(found) != 1:
            problem = "begins the ids of several calls; write more of it" if found else "is not on the ledger"
            raise UnknownCallError(call=beginning, state="unknown", problem=problem)
        return found[0]

    async def decisions(self, call_id: CallId) -> list[DecisionRecord]:
        """Return what was decided on the call, in order."""
        wanted = select(DecisionRow.__table__).join(CallRow, CallRow.id == DecisionRow.call_id)
        wanted = wanted.where(self._ours, DecisionRow.call_id == call_id).order_by(DecisionRow.id)
        async with self._engine.connect() as connection:
            return [_decision(row) for row in await connection.execute(wanted)]

    async def due(self, now: datetime) -> list[CallRecord]:
        """Return the requests whose time is over, and that nobody has decided on."""
        waiting = CallRow.state.in_([state.value for state in WAITING])
        wanted = select(CallRow.__table__).where(self._ours, waiting, CallRow.expires_at <= now)
        async with self._engine.connect() as connection:
            return [record_of(row) for row in await connection.execute(wanted)]

    async def tally(self) -> list[CallTally]:
        """Return how the tenant's calls stand, by tool."""
        columns = (CallRow.tool, CallRow.effect, CallRow.state, CallRow.failure)
        again = func.sum(case((CallRow.attempts > 1, CallRow.attempts - 1), else_=0)).label("repeated")
        wanted = select(*columns, func.count().label("calls"), again).where(self._ours)
        async with self._engine.connect() as connection:
            order = (CallRow.tool, CallRow.effect, CallRow.state, CallRow.failure.nulls_first())
            rows = await connection.execute(wanted.group_by(*columns).order_by(*order))
            return [_tally(row) for row in rows]

    async def decide(self, call_id: CallId, decision: Decision, *, edit: Edit | None = None) -> CallRecord:
        """Record the decision with what follows from it, in one transaction, and return the call as it stands then.

        Raises what `judge` raises; a request that has expired is recorded as that first.
        """

        async def work(connection: AsyncConnection) -> CallRecord | RequestExpiredError:
            record = await self._locked(connection, call_id)
            now = self._now()
            if is_due(record, now) and decision.verdict is not Verdict.EXPIRE:
                late = Decision(verdict=Verdict.EXPIRE, by=CLOCK)
                await self._take(connection, record, late, judge(record, late, now), None)
                return RequestExpiredError(call=call_id, state="expired", problem="expired; nothing was done")
            await self._take(connection, record, decision, judge(record, decision, now), edit)
            return await self._locked(connection, call_id)

        try:
            decided = await self._writer.write(work)
        except IntegrityError as error:
            raise _taken(call_id) from error
        if isinstance(decided, RequestExpiredError):
            raise decided
        return decided

    async def settle(
        self, call_id: CallId, outcome: Outcome, *, among: Collection[CallState], by: str, reason: str = ""
    ) -> CallRecord:
        """Record what became of a call in one of these states, tell the conversation, and return the call.

        Raises a `DecisionError` where the call is in another state, or its key serves another call meanwhile.
        """

        async def work(connection: AsyncConnection) -> CallRecord:
            record = await self._locked(connection, call_id)
            if record.state not in among:
                raise too_late(record)
            changes = {"state": state_of(outcome).value, "decided_by": by, "recorded_at": self._now()}
            changes |= to_jsonable_python(ending_of(outcome))
            await connection.execute(update(CallRow).where(CallRow.id == call_id).values(**changes))
            if record.undoes and isinstance(outcome, Done):
                await connection.execute(undoing(record.tenant, record.undoes, by=call_id, at=self._now()))
            await connection.execute(insert(DecisionRow), [self._decision_row(record, "settle", by, reason)])
            await self._tell(connection, record, "call_decided")
            return await self._locked(connection, call_id)

        try:
            return await self._writer.write(work)
        except IntegrityError as error:
            problem = "cannot be settled so: another call with its key is open or done; look at that one first"
            raise DecisionError(call=call_id, state="unknown", problem=problem) from error

    async def lose(self, call_ids: Collection[CallId]) -> list[CallRecord]:
        """Return these calls; one that was running in a turn, which is over, has become unknown.

        One that people have decided on runs outside of any turn.
        """
        ours = self._ours & CallRow.id.in_(call_ids)
        running = ours & (CallRow.state == CallState.RUNNING.value) & CallRow.asked_at.is_(None)
        changes = {"state": CallState.UNKNOWN.value, "error": "it was interrupted and may have taken effect"}
        change = update(CallRow).where(running).values(**changes, recorded_at=self._now())

        async def work(connection: AsyncConnection) -> list[CallRecord]:
            await connection.execute(change)
            return [record_of(row) for row in await connection.execute(select(CallRow.__table__).where(ours))]

        return await self._writer.write(work)

    async def undone(self, record: CallRecord, *, by: CallId) -> None:
        """Record that a done call without a key was undone by another call; one with a key is found by that."""
        done = (CallRow.id == record.call_id) & (CallRow.state == CallState.DONE.value)
        changes = {"state": CallState.UNDONE.value, "error": f"undone by call {by}", "recorded_at": self._now()}
        change = update(CallRow).where(done).values(**changes)

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(change)

        await self._writer.write(work)

    async def attest(self, record: CallRecord, verdict: str, *, by: str) -> None:
        """Record who asked for something about a call that changes nothing in its own row."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(insert(DecisionRow), [self._decision_row(record, verdict, by, "")])

        await self._writer.write(work)

    async def reclaim(self, record: CallRecord) -> bool:
        """Make a call ready again whose process has died in the middle; tell whether nobody else was faster."""
        same = (CallRow.id == record.call_id) & (CallRow.state == record.state.value)
        same &= CallRow.started_at == record.started_at
        change = update(CallRow).where(same).values(state=CallState.READY.value, started_at=None)

        async def work(connection: AsyncConnection) -> bool:
            return (await connection.execute(change)).rowcount == 1

        return await self._writer.write(work)

    async def news(self, thread_id: str) -> Sequence[News]:
        """Return what the thread's conversation was not told yet, in order."""
        wanted = (
            select(NewsRow.id.label("news_id"), NewsRow.event, CallRow.__table__)
            .join(CallRow, CallRow.id == NewsRow.call_id)
            .where(NewsRow.thread_id == thread_id, NewsRow.told_by.is_(None))
            .order_by(NewsRow.id)
        )
        async with self._engine.connect() as connection:
            rows = await connection.execute(wanted)
            return [News(id=row.news_id, event=row.event, call=record_of(row)) for row in rows]

    async def told(self, news: Sequence[News], *, run_id: str) -> None:
        """Record that a run has told these."""
        change = update(NewsRow).where(NewsRow.id.in_([each.id for each in news])).values(told_by=run_id)

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(change)

        await self._writer.write(work)

    @property
    def _ours(self) -> ColumnElement[bool]:
        return true() if self._tenant is None else CallRow.tenant == self._tenant

    async def _locked(self, connection: AsyncConnection, call_id: CallId) -> CallRecord:
        wanted = select(CallRow.__table__).where(self._ours, CallRow.id == call_id)
        row = (await connection.execute(wanted.with_for_update())).first()
        if row is None:
            raise UnknownCallError(call=call_id, state="unknown", problem="is not on the ledger")
        return record_of(row)

    async def _take(
        self, connection: AsyncConnection, record: CallRecord, decision: Decision, step: Step, edit: Edit | None
    ) -> None:
        changes: dict[str, Any] = {
            "state": step.state.value,
            "decided_by": decision.by,
            "note": decision.reason or None,
            "recorded_at": self._now(),
            "context": {
                "people": record.people,
                "grants": dict(record.grants),
                "untrusted": _still_untrusted(record, edit),
                "undoes": record.undoes,
                "agreed": list(step.agreed),
                "confirmed": step.confirmed,
                "approved": step.approved,
            },
        }
        if step.failure:
            changes |= ending_of(step.failure)
        if edit:
            await self._require_free(connection, record, edit)
            changes |= {"arguments": dict(edit.arguments), "effect": edit.effect.value}
            changes |= {"key": edit.key, "fingerprint": edit.fingerprint}
        await connection.execute(update(CallRow).where(CallRow.id == record.call_id).values(**changes))
        row = self._decision_row(record, decision.verdict, decision.by, decision.reason, decision.note)
        await connection.execute(insert(DecisionRow), [row | {"arguments": dict(record.arguments) if edit else None}])
        if step.failure:
            await self._tell(connection, record, "call_decided")

    async def _require_free(self, connection: AsyncConnection, record: CallRecord, edit: Edit) -> None:
        """An effect that may have happened with other arguments holds its key; the index does not know of it."""
        doubtful = (CallRow.tenant == record.tenant) & (CallRow.key == edit.key) & (CallRow.id != record.call_id)
        doubtful &= (CallRow.state == CallState.UNKNOWN.value) & (CallRow.fingerprint != edit.fingerprint)
        if await connection.scalar(select(CallRow.id).where(doubtful).limit(1)) is not None:
            raise _taken(record.call_id)

    async def _tell(self, connection: AsyncConnection, record: CallRecord, event: str) -> None:
        row = {"thread_id": record.thread_id, "call_id": record.call_id, "event": event, "at": self._now()}
        await connection.execute(insert(NewsRow), [row])

    def _decision_row(self, record: CallRecord, verdict: str, by: str, reason: str, note: str = "") -> dict[str, Any]:
        return {
            "tenant": record.tenant,
            "call_id": record.call_id,
            "verdict": str(verdict),
            "by": by,
            "reason": reason or None,
            "note": note or None,
            "at": self._now(),
        }


def _taken(call_id: CallId) -> EditRefusedError:
    problem = "has another call with the key of the edited arguments beside it; reject it instead"
    return EditRefusedError(call=call_id, state="awaiting_approval", problem=problem)


def _still_untrusted(record: CallRecord, edit: Edit | None) -> dict[str, str]:
    """Return what comes from an untrusted text: a person vouches for the arguments that the edit has changed."""
    kept = record.arguments if edit is None else edit.arguments
    return {name: tool for name, tool in record.untrusted.items() if kept.get(name) == record.arguments.get(name)}


def _tally(row: Any) -> CallTally:
    return CallTally(
        tool=row.tool,
        effect=Effect(row.effect),
        state=CallState(row.state),
        failure=FailureKind(row.failure) if row.failure else None,
        count=row.calls,
        repeated=row.repeated,
    )


def _decision(row: Any) -> DecisionRecord:
    return DecisionRecord(
        verdict=row.verdict, by=row.by, reason=row.reason, note=row.note, arguments=row.arguments, at=row.at
    )
