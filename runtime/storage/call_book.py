"""The ledger of calls in the database, as people ask for it: what waits, what became of it, what they decide."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import case, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.errors import EditRefusedError, RequestExpiredError, UnknownCallError
from trunkline.runtime.calls.decision import Decision, Step, Verdict, is_due, judge
from trunkline.runtime.calls.record import CallRecord
from trunkline.runtime.storage.call_rows import ending_of, record_of
from trunkline.runtime.storage.tables import CallRow, DecisionRow, NewsRow
from trunkline.runtime.storage.writer import Writer
from trunkline.tools.call import CallId, CallState
from trunkline.tools.effect import Effect
from trunkline.tools.ledger import WAITING
from trunkline.tools.outcome import FailureKind, Outcome

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
    key: str | None
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something that a conversation must be told."""

    id: int
    event: str
    call: CallRecord


class CallBook:
    """Reads the calls of a tenant, and changes them as people decide."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        writer: Writer,
        tenant: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine, self._writer, self._tenant, self._now = engine, writer, tenant, now

    async def calls(
        self, *, thread_id: str | None = None, states: Collection[CallState] | None = None, limit: int | None = None
    ) -> list[CallRecord]:
        """Return the tenant's calls, oldest first; with `limit` the newest so many."""
        wanted = select(CallRow.__table__).where(CallRow.tenant == self._tenant)
        if thread_id is not None:
            wanted = wanted.where(CallRow.thread_id == thread_id)
        if states is not None:
            wanted = wanted.where(CallRow.state.in_([state.value for state in states]))
        wanted = wanted.order_by(CallRow.recorded_at.desc(), CallRow.id).limit(limit)
        async with self._engine.connect() as connection:
            return [record_of(row) for row in await connection.execute(wanted)][::-1]

    async def call(self, beginning: str) -> CallRecord:
        """Return the call whose id begins so. Raises `UnknownCallError` where there is none, or more than one."""
        ours = CallRow.tenant == self._tenant
        wanted = select(CallRow.__table__).where(ours, CallRow.id.startswith(beginning, autoescape=True)).limit(_FOUND)
        async with self._engine.connect() as connection:
            found = [record_of(row) for row in await connection.execute(wanted)]
        if len(found) != 1:
            problem = "begins the ids of several calls; write more of it" if found else "is not on the ledger"
            raise UnknownCallError(call=beginning, state="unknown", problem=problem)
        return found[0]

    async def due(self, now: datetime) -> list[CallRecord]:
        """Return the requests whose time is over, and that nobody has decided on."""
        waiting = CallRow.state.in_([state.value for state in WAITING])
        wanted = select(CallRow.__table__).where(CallRow.tenant == self._tenant, waiting, CallRow.expires_at <= now)
        async with self._engine.connect() as connection:
            return [record_of(row) for row in await connection.execute(wanted)]

    async def tally(self) -> list[CallTally]:
        """Return how the tenant's calls stand, by tool."""
        columns = (CallRow.tool, CallRow.effect, CallRow.state, CallRow.failure)
        again = func.sum(case((CallRow.attempts > 1, CallRow.attempts - 1), else_=0)).label("repeated")
        wanted = select(*columns, func.count().label("calls"), again).where(CallRow.tenant == self._tenant)
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
            problem = "has another call with the key of the edited arguments beside it; reject it instead"
            raise EditRefusedError(call=call_id, state="awaiting_approval", problem=problem) from error
        if isinstance(decided, RequestExpiredError):
            raise decided
        return decided

    async def settle(self, call_id: CallId, outcome: Outcome, state: CallState, *, by: str, reason: str = "") -> None:
        """Record what a person knows of a call whose outcome nobody knew, and tell the conversation."""

        async def work(connection: AsyncConnection) -> None:
            now = self._now()
            changes = {"state": state.value, "decided_by": by, "recorded_at": now, **ending_of(outcome)}
            await connection.execute(update(CallRow).where(CallRow.id == call_id).values(**changes))
            await connection.execute(insert(DecisionRow), [self._decision_row(call_id, "settle", by, reason)])
            await self._tell(connection, call_id, "call_decided")

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

    async def _locked(self, connection: AsyncConnection, call_id: CallId) -> CallRecord:
        wanted = select(CallRow.__table__).where(CallRow.tenant == self._tenant, CallRow.id == call_id)
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
                "untrusted": {} if edit else dict(record.untrusted),
                "undoes": record.undoes,
                "agreed": list(step.agreed),
                "confirmed": step.confirmed,
                "approved": step.approved,
            },
        }
        if step.failure:
            changes |= ending_of(step.failure)
        if edit:
            changes |= {"arguments": dict(edit.arguments), "key": edit.key, "fingerprint": edit.fingerprint}
        await connection.execute(update(CallRow).where(CallRow.id == record.call_id).values(**changes))
        row = self._decision_row(record.call_id, decision.verdict, decision.by, decision.reason, decision.note)
        await connection.execute(insert(DecisionRow), [row | {"arguments": dict(record.arguments) if edit else None}])
        if step.failure:
            await self._tell(connection, record.call_id, "call_decided", thread_id=record.thread_id)

    async def _tell(
        self, connection: AsyncConnection, call_id: CallId, event: str, *, thread_id: str | None = None
    ) -> None:
        if thread_id is None:
            thread_id = await connection.scalar(select(CallRow.thread_id).where(CallRow.id == call_id))
        row = {"thread_id": thread_id, "call_id": call_id, "event": event, "at": self._now()}
        await connection.execute(insert(NewsRow), [row])

    def _decision_row(self, call_id: CallId, verdict: str, by: str, reason: str, note: str = "") -> dict[str, Any]:
        return {
            "tenant": self._tenant,
            "call_id": call_id,
            "verdict": str(verdict),
            "by": by,
            "reason": reason or None,
            "note": note or None,
            "at": self._now(),
        }


def _tally(row: Any) -> CallTally:
    return CallTally(
        tool=row.tool,
        effect=Effect(row.effect),
        state=CallState(row.state),
        failure=FailureKind(row.failure) if row.failure else None,
        count=row.calls,
        repeated=row.repeated,
    )
