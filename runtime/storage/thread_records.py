"""What is recorded of a thread beside its state, to be handed out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from sqlalchemy import Executable, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.storage.checkpoints.identity import Identity
from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.queue_tables import EventRow, ScheduleRow
from trunkline.runtime.storage.run_rows import TEXTS
from trunkline.runtime.storage.sealed import event_place, opened, run_place, schedule_place, seal_of, shown_text
from trunkline.runtime.storage.tables import CallRow, DecisionRow, NewsRow, RunRow, SpendRow

_PLACES: Mapping[str, Callable[[Mapping[str, Any], str], Identity]] = {
    "run": lambda row, column: run_place(row["thread_id"], row["id"], column),
    "event": lambda row, _: event_place(row["thread_id"], row["seq"], row["run_id"], row["event"]),
    "schedule": lambda row, _: schedule_place(row["tenant"], row["name"]),
}
"""Where the columns of a kind belong that are bytes."""


async def records_of(connection: AsyncConnection, name: str) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
    """Yield a kind and the fields of each row, oldest first. Raises what `Seal.open` raises."""
    seal = seal_of(connection)
    for kind, wanted in _records(name).items():
        for row in (await connection.execute(wanted)).mappings():
            fields = {str(column): value for column, value in row.items()}
            yield kind, {column: _opened(kind, fields, column, seal) for column in fields}


def _opened(kind: str, row: Mapping[str, Any], column: str, seal: Seal) -> Any:
    match row[column]:
        case bytes(stored):
            return opened(seal, stored, _PLACES[kind](row, column))
        case str(stored) if kind == "run" and column in TEXTS:
            return shown_text(seal, stored, _PLACES[kind](row, column))
        case value:
            return value


def _records(name: str) -> dict[str, Executable]:
    of_calls = select(CallRow.id).where(CallRow.thread_id == name)
    event = (
        EventRow.thread_id,
        EventRow.seq,
        EventRow.run_id,
        EventRow.kind.label("event"),
        EventRow.data,
        EventRow.at,
    )
    decisions = select(DecisionRow.__table__).where(DecisionRow.call_id.in_(of_calls))
    return {
        "run": _all_of(RunRow, name).order_by(RunRow.started_at),
        "call": _all_of(CallRow, name).order_by(CallRow.recorded_at, CallRow.id),
        "decision": decisions.order_by(DecisionRow.id),
        "event": select(*event).where(EventRow.thread_id == name).order_by(EventRow.seq),
        "news": _all_of(NewsRow, name).order_by(NewsRow.id),
        "schedule": _all_of(ScheduleRow, name).order_by(ScheduleRow.name),
        "spend": _all_of(SpendRow, name).order_by(SpendRow.at, SpendRow.span_id),
    }


def _all_of(table: Any, name: str) -> Select[Any]:
    return select(table.__table__).where(table.thread_id == name)
