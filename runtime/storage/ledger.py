"""The ledger of calls in the database, as the engine asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Executable, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.runtime.storage.call_rows import ENDING, ending_of, entry_of, measures_of, row_of, undoing
from trunkline.runtime.storage.tables import CallRow, NewsRow
from trunkline.runtime.storage.transactions import Result, Work
from trunkline.runtime.storage.upsert import upsert
from trunkline.runtime.storage.writer import Writer
from trunkline.tools.approval import Ask
from trunkline.tools.call import CallId, CallResult, CallState, ToolCall, state_of
from trunkline.tools.ledger import HOLDING, Entry, passed_states, verdict
from trunkline.tools.outcome import Done, Outcome, Pending, Unknown
from trunkline.tools.trust import UntrustedText, text_of

_HOLDING = sorted(HOLDING)
_NOT_BEGUN = [CallState.READY.value]
"""Where a call stands that people have decided on: another process may be faster, and run it by now."""

_ENDS = [*_NOT_BEGUN, CallState.RUNNING.value]
"""Where such a call stands that has not ended; a read is never recorded as running."""

_ENDS_DONE = [*_ENDS, CallState.UNKNOWN.value, CallState.FAILED.value]
"""What is done is done, also where it was given up meanwhile."""

_TEXTS = 20
"""How many untrusted results of a thread are looked at, the newest first."""


class DatabaseLedger:
    """Records calls in the table `calls`; keys are unique within a tenant. See `trunkline.tools.ledger.Ledger`."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        writer: Writer,
        tenant: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._writer = writer
        self._tenant = tenant
        self._now = now
        self._end = upsert(engine.dialect, CallRow, replacing=ENDING)
        self._begin = upsert(engine.dialect, CallRow, replacing=(*ENDING, "started_at"))
        asking = ("reason", "context", "asked_at", "expires_at")
        self._ask = upsert(engine.dialect, CallRow, replacing=(*ENDING, *asking))
        self._tell = insert(NewsRow)

    async def recall(self, call_ids: Sequence[CallId]) -> Mapping[CallId, Outcome]:
        """Return how those calls stand that an earlier run has begun."""
        wanted = select(CallRow.__table__).where(CallRow.id.in_(call_ids))
        async with self._engine.connect() as connection:
            entries = [entry_of(row) for row in await connection.execute(wanted)]
        return {entry.call_id: entry.standing for entry in entries if entry.standing}

    async def passed(self, call: ToolCall) -> bool:
        """Return whether the same effect, under the call's key, has passed every gate before."""
        same = (CallRow.tenant == self._tenant, CallRow.key == call.key, CallRow.fingerprint == call.fingerprint)
        wanted = select(CallRow.id).where(*same, CallRow.state.in_(sorted(passed_states(call)))).limit(1)
        async with self._engine.connect() as connection:
            return await connection.scalar(wanted) is not None

    async def intend(self, call: ToolCall, *, cleared: bool = False) -> Outcome | None:
        """Record the intent, unless an earlier call with the same id or key settles it."""

        async def work(connection: AsyncConnection) -> Outcome | None:
            own, other = await self._earlier(connection, call)
            settled = verdict(call, own, other, cleared=cleared)
            if settled is None:
                row = self._row(call, CallState.RUNNING)
                await connection.execute(self._begin, [row | {"started_at": self._now()}])
            elif isinstance(settled, Unknown) and own and settled.call_id is None:
                lost = self._row(call, CallState.UNKNOWN) | {"error": settled.message}
                await connection.execute(self._end, [lost])
            return settled

        return await self._decide(work)

    async def propose(self, call: ToolCall, ask: Ask, of: Literal["approval", "confirmation"]) -> Outcome:
        """Record the proposal, unless an earlier call with the same id or key settles it."""

        async def work(connection: AsyncConnection) -> Outcome:
            settled = verdict(call, *await self._earlier(connection, call))
            if settled is None:
                settled = Pending(call_id=call.call_id, reason=ask.reason, of=of)
                await connection.execute(self._ask, [self._asking_row(call, ask, state_of(settled))])
            return settled

        return await self._decide(work)

    async def record(self, call: ToolCall, result: CallResult, *, news: bool = False) -> None:
        """Record how the call ended. A done effect also settles the unknown ones under its key.

        One that people have decided on has its row, and only an end that still can be is written into it.
        """
        row = self._row(call, state_of(result.outcome)) | ending_of(result.outcome) | measures_of(call, result)
        if call.decided:
            await self._record_decided(call, result, row, news=news)
            return
        posted = [self._writer.post(self._end, row)]
        if news:
            posted.append(self._writer.post(self._tell, self._news(call)))
        if call.key and isinstance(result.outcome, Done):
            await self._settle_unknown(call)
        for each in posted:
            await each

    async def settle(self, call_id: CallId, outcome: Outcome) -> None:
        """Record what became of a call whose outcome was unknown."""
        changes = {"state": state_of(outcome).value, "recorded_at": self._now(), **ending_of(outcome)}
        await self._change(CallRow.id == call_id, changes)

    async def undo(self, key: str, *, by: CallId) -> None:
        """Record that the done call with this key was undone: the key is free again."""
        await self._execute(undoing(self._tenant, key, by=by, at=self._now()))

    async def untrusted_texts(self, thread_id: str) -> Sequence[UntrustedText]:
        """Return the newest results on this thread that nobody vouches for."""
        wanted = select(CallRow.tool, CallRow.output).where(
            CallRow.thread_id == thread_id, CallRow.untrusted, CallRow.state == CallState.DONE.value
        )
        async with self._engine.connect() as connection:
            rows = await connection.execute(wanted.order_by(CallRow.recorded_at.desc()).limit(_TEXTS))
            return [UntrustedText(tool=row.tool, text=text_of(row.output)) for row in rows]

    async def _decide(self, work: Work[Result]) -> Result:
        """Look and write in one transaction; once more when another process took the key in between."""
        try:
            return await self._writer.write(work)
        except IntegrityError:
            return await self._writer.write(work)

    async def _record_decided(self, call: ToolCall, result: CallResult, row: Mapping[str, Any], *, news: bool) -> None:
        outcome = result.outcome
        if call.effect.is_read and state_of(outcome) is CallState.CANCELLED:
            return  # it stays ready, for whoever looks next
        over = _ENDS_DONE if isinstance(outcome, Done) else _ENDS if result.attempts else _NOT_BEGUN
        which = (CallRow.id == call.call_id) & CallRow.state.in_(over)
        change = update(CallRow).where(which).values({column: row[column] for column in ENDING})

        async def work(connection: AsyncConnection) -> None:
            if (await connection.execute(change)).rowcount and news:
                await connection.execute(self._tell, [self._news(call)])

        await self._writer.write(work)
        if call.key and isinstance(outcome, Done):
            await self._settle_unknown(call)

    async def _earlier(self, connection: AsyncConnection, call: ToolCall) -> tuple[Entry | None, Entry | None]:
        """Return the entry of the call itself, and the one that holds its key beside it."""
        same = CallRow.id == call.call_id
        if call.key:
            held = (CallRow.tenant == self._tenant) & (CallRow.key == call.key) & CallRow.state.in_(_HOLDING)
            same = or_(same, held)
        wanted = select(CallRow.__table__).where(same)
        order = ((CallRow.id == call.call_id).desc(), CallRow.state == CallState.UNKNOWN.value)
        wanted = wanted.order_by(*order, CallRow.recorded_at.desc()).limit(2)
        if call.decided:
            wanted = wanted.with_for_update()  # two processes must not both find it ready
        entries = [entry_of(row) for row in await connection.execute(wanted)]
        own = next((entry for entry in entries if entry.call_id == call.call_id), None)
        return own, next((entry for entry in entries if entry.call_id != call.call_id), None)

    def _row(self, call: ToolCall, state: CallState) -> dict[str, Any]:
        return row_of(call, tenant=self._tenant, state=state, at=self._now())

    def _asking_row(self, call: ToolCall, ask: Ask, state: CallState) -> dict[str, Any]:
        row = self._row(call, state)
        now = self._now()
        return row | {
            "reason": ask.reason,
            "context": {**(row["context"] or {}), "people": ask.people, "confirmed": call.confirmed},
            "asked_at": now,
            "expires_at": now + timedelta(seconds=ask.within) if ask.within else None,
        }

    def _news(self, call: ToolCall) -> dict[str, Any]:
        event = "call_decided" if call.decided else "call_finished"
        about = {"thread_id": call.origin.thread_id, "call_id": call.call_id, "event": event}
        return {**about, "at": self._now(), "told_by": None}

    async def _settle_unknown(self, call: ToolCall) -> None:
        held = (CallRow.tenant == self._tenant) & (CallRow.key == call.key) & (CallRow.id != call.call_id)
        note = f"settled: call {call.call_id} took effect under the same key"
        unknown = held & (CallRow.state == CallState.UNKNOWN.value)
        await self._change(unknown, {"state": CallState.FAILED.value, "error": note})

    async def _change(self, which: Any, changes: Mapping[str, Any]) -> None:
        await self._execute(update(CallRow).where(which).values(**changes))

    async def _execute(self, change: Executable) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(change)

        await self._writer.write(work)
