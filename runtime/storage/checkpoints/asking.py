"""Finds the tasks of a thread that have asked something, and how many answers each of them has had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.serde.types import INTERRUPT, RESUME
from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.storage.checkpoints.codec import Codec
from trunkline.runtime.storage.checkpoints.identity import of_write
from trunkline.runtime.storage.state_tables import StateCheckpointRow, StateThreadRow, StateWriteRow

TaskPlace = tuple[str, str, str]
"""A task of a thread: its graph's namespace, the checkpoint from which it runs, its id."""

_HEADS = (
    select(func.max(StateCheckpointRow.seq))
    .join(StateThreadRow, StateThreadRow.id == StateCheckpointRow.thread)
    .where(StateThreadRow.name == bindparam("name"))
    .group_by(StateCheckpointRow.ns)
)
_UNDER = and_(
    StateCheckpointRow.thread == StateWriteRow.thread,
    StateCheckpointRow.ns == StateWriteRow.ns,
    StateCheckpointRow.checkpoint_id == StateWriteRow.checkpoint_id,
)
_ASKING = (
    select(*StateWriteRow.__table__.columns)
    .join(StateCheckpointRow, _UNDER)
    .where(StateCheckpointRow.seq.in_(_HEADS), StateWriteRow.channel.in_([INTERRUPT, RESUME]))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingTask:
    """A task that has asked something."""

    interrupts: frozenset[str]
    """The ids of what it asked last. A task whose subgraph asks has the same ones."""

    answers: int
    """How many answers it has had, which are on record."""


async def asking_tasks(connection: AsyncConnection, thread: str, codec: Codec) -> Mapping[TaskPlace, AskingTask]:
    """Return the tasks under the newest checkpoint of each namespace that have asked something."""
    found: dict[TaskPlace, dict[str, Any]] = {}
    for row in await connection.execute(_ASKING, {"name": thread}):
        value = codec.load(codec.seal.open(row.data, of_write(thread, row)))
        found.setdefault((row.ns, row.checkpoint_id, row.task_id), {})[row.channel] = value
    return {place: _task(written) for place, written in found.items() if INTERRUPT in written}


def _task(written: Mapping[str, Any]) -> AskingTask:
    asked = frozenset(interrupt.id for interrupt in written[INTERRUPT])
    return AskingTask(interrupts=asked, answers=len(written.get(RESUME, ())))
