"""Erases a thread: nothing that a person said or that was said about them stays, only what the books need.

What goes: checkpoints and what tasks wrote; what runs were given, asked, answered and failed with; arguments, outputs,
reasons and notes of calls and decisions; events; news; spans; schedules of the thread. What stays, under the thread's
name: that there was a run, a call, a decision, when, of which graph or tool, and how it ended; who of the company
agreed or refused; what was spent; the key with which a run was submitted, and the key and the fingerprint of each
effect that was done or may have been, so that neither happens again. Names of threads and keys should therefore name no
person.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, case, delete, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.runtime.calls.decision import Verdict
from trunkline.runtime.storage.checkpoints.recall import Recall
from trunkline.runtime.storage.checkpoints.remove import delete_threads
from trunkline.runtime.storage.checkpoints.save import hold
from trunkline.runtime.storage.event_log import delete_events
from trunkline.runtime.storage.queue_tables import ScheduleRow
from trunkline.runtime.storage.tables import CallRow, DecisionRow, NewsRow, RunRow, SpanRow
from trunkline.tools.call import CallState
from trunkline.tools.ledger import WAITING
from trunkline.tools.outcome import FailureKind

RUN_CONTENTS = ("asked", "answer", "error", "given", "resume", "interrupts")
"""The columns of runs that hold what somebody said."""

_HAPPENED = [CallState.DONE.value, CallState.UNKNOWN.value]
"""The states of calls whose effect was done, or may have been."""

_OPEN = [state.value for state in (*WAITING, CallState.READY)]
_RUNNING = CallState.RUNNING.value


async def erase(connection: AsyncConnection, thread: str, *, now: datetime) -> None:
    """Erase the thread, in the caller's transaction; late checkpoints and writes of its runs are refused from now on.

    The caller has cut off its runs. Calls that wait are withdrawn; those cut off in the middle end as unknown.
    """
    await hold(connection, [thread], Recall())  # a thread that never saved anything gets its tombstone too
    await delete_threads(connection, [thread])
    await delete_events(connection, [thread])
    for statement in _statements(thread, now):
        await connection.execute(statement)


async def scrub(engine: AsyncEngine) -> bool:
    """Overwrite the pages of SQLite's log that still hold what was erased; False while others are reading them.

    In the file itself they are overwritten at once (`secure_delete`). PostgreSQL has VACUUM for its own.
    """
    if engine.dialect.name != "sqlite":
        return True
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        async with driver.execute("PRAGMA wal_checkpoint(TRUNCATE)") as cursor:
            busy, *_ = await cursor.fetchone()
    return not busy


def _statements(thread: str, now: datetime) -> Iterator[Executable]:
    ours = RunRow.thread_id == thread
    yield delete(SpanRow).where(SpanRow.run_id.in_(select(RunRow.id).where(ours)))
    yield delete(NewsRow).where(NewsRow.thread_id == thread)
    calls = CallRow.thread_id == thread
    yield _decisions().where(DecisionRow.call_id.in_(select(CallRow.id).where(calls)))
    for change in (_open_calls(now), _running_calls(now), _calls()):
        yield change.where(calls)
    yield delete(ScheduleRow).where(ScheduleRow.thread_id == thread)
    yield update(RunRow).where(ours).values(dict.fromkeys(RUN_CONTENTS))


def _open_calls(now: datetime) -> Any:
    withdrawn = {"state": CallState.WITHDRAWN.value, "failure": FailureKind.WITHDRAWN.value, "recorded_at": now}
    return update(CallRow).where(CallRow.state.in_(_OPEN)).values(**withdrawn)


def _running_calls(now: datetime) -> Any:
    lost = {"state": CallState.UNKNOWN.value, "recorded_at": now}
    return update(CallRow).where(CallRow.state == _RUNNING).values(**lost)


def _calls() -> Any:
    holds = CallRow.state.in_(_HAPPENED) & CallRow.key.is_not(None)
    return update(CallRow).values(
        arguments={},
        context=null(),
        reason=None,
        decided_by=None,
        note=None,
        output=null(),
        error=None,
        untrusted=False,
        key=case((holds, CallRow.key), else_=None),
        fingerprint=case((holds, CallRow.fingerprint), else_=""),
    )


def _decisions() -> Any:
    customers = DecisionRow.verdict.in_([Verdict.CONFIRM.value, Verdict.WITHDRAW.value])
    by = case((customers, "erased"), else_=DecisionRow.by)
    return update(DecisionRow).values(reason=None, note=None, arguments=null(), by=by)
