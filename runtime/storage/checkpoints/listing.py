"""Lists checkpoints, the newest first, a page at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.serde.base import SerializerProtocol
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.runtime.storage.checkpoints.read import ROWS, StoredCheckpoint, tuples
from trunkline.runtime.storage.state_tables import StateCheckpointRow, StateThreadRow

_PAGE = 50


async def listed(
    engine: AsyncEngine,
    serde: SerializerProtocol,
    config: RunnableConfig | None,
    *,
    matching: Mapping[str, Any] | None,
    before: RunnableConfig | None,
    limit: int | None,
) -> AsyncIterator[CheckpointTuple]:
    """Yield the checkpoints of the config (all there are without one) whose metadata has these values."""
    scope = _scope(config)
    below: int | None = None
    left = limit
    while left is None or left > 0:
        async with engine.connect() as connection:
            query = ROWS.where(*scope, *await _earlier(connection, scope, before))
            query = query if below is None else query.where(StateCheckpointRow.seq < below)
            page = _PAGE if left is None or matching else min(left, _PAGE)
            rows = (await connection.execute(query.order_by(StateCheckpointRow.seq.desc()).limit(page))).all()
            found = [one for one in (StoredCheckpoint.of(row, serde) for row in rows) if _matches(one, matching)]
            made, _ = await tuples(connection, found[:left], serde, branchable=True)
        for one in made:
            yield one
        if len(rows) < page:
            return
        below = rows[-1].seq
        left = None if left is None else left - len(made)


def _scope(config: RunnableConfig | None) -> list[ColumnElement[bool]]:
    given = config.get("configurable", {}) if config else {}
    scope: list[ColumnElement[bool]] = []
    if given.get("thread_id") is not None:
        scope.append(StateThreadRow.name == str(given["thread_id"]))
    if given.get("checkpoint_ns") is not None:
        scope.append(StateCheckpointRow.ns == str(given["checkpoint_ns"]))
    if given.get("checkpoint_id"):
        scope.append(StateCheckpointRow.checkpoint_id == str(given["checkpoint_id"]))
    return scope


async def _earlier(
    connection: AsyncConnection, scope: list[ColumnElement[bool]], before: RunnableConfig | None
) -> list[ColumnElement[bool]]:
    """Return the condition for what came before: by the database's order where the checkpoint is among those listed.

    LangGraph also asks for what a namespace had before a checkpoint of another one; their ids are compared then.
    """
    checkpoint_id = before.get("configurable", {}).get("checkpoint_id") if before else None
    if not checkpoint_id:
        return []
    query = select(StateCheckpointRow.seq).join(StateThreadRow, StateThreadRow.id == StateCheckpointRow.thread)
    here = query.where(*scope, StateCheckpointRow.checkpoint_id == str(checkpoint_id))
    seq = await connection.scalar(here.order_by(StateCheckpointRow.seq.desc()).limit(1))
    return [StateCheckpointRow.checkpoint_id < str(checkpoint_id) if seq is None else StateCheckpointRow.seq < seq]


def _matches(one: StoredCheckpoint, matching: Mapping[str, Any] | None) -> bool:
    metadata = cast("Mapping[str, Any]", one.record.metadata)
    return all(metadata.get(key) == value for key, value in (matching or {}).items())
