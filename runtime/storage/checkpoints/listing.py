"""Lists checkpoints, the newest first, a page at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.storage.checkpoints.codec import Codec
from trunkline.runtime.storage.checkpoints.read import ROWS, StoredCheckpoint, checkpoint_tuple, contents_of
from trunkline.runtime.storage.state_tables import StateCheckpointRow, StateThreadRow
from trunkline.runtime.storage.transactions import Transactions

_PAGE = 50


async def listed(
    reads: Transactions,
    codec: Codec,
    config: RunnableConfig | None,
    *,
    matching: Mapping[str, Any] | None,
    before: RunnableConfig | None,
    limit: int | None,
) -> AsyncGenerator[CheckpointTuple]:
    """Yield the checkpoints of the config (all there are without one) whose metadata has these values."""
    below: int | None = None
    left = limit
    while left is None or left > 0:
        size = _PAGE if left is None or matching else min(left, _PAGE)
        page = _Page(codec=codec, scope=_scope(config), before=_id(before), below=below, size=size, matching=matching)
        last, found, contents, writes = await reads.read(page.read)
        for one in found[:left]:
            yield checkpoint_tuple(one, contents, writes, codec, branchable=True)
        if last is None:
            return
        below = last
        left = None if left is None else left - len(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """So many rows from some place on."""

    codec: Codec
    scope: list[ColumnElement[bool]]
    before: str | None
    below: int | None
    size: int
    matching: Mapping[str, Any] | None

    async def read(self, connection: AsyncConnection) -> tuple[int | None, list[StoredCheckpoint], Any, Any]:
        """Return where the next page begins (None: there is none), what matches on this one, and its contents."""
        query = ROWS.where(*self.scope, *await _earlier(connection, self.scope, self.before))
        query = query if self.below is None else query.where(StateCheckpointRow.seq < self.below)
        rows = (await connection.execute(query.order_by(StateCheckpointRow.seq.desc()).limit(self.size))).all()
        found = [one for one in (StoredCheckpoint.of(row, self.codec) for row in rows) if _matches(one, self.matching)]
        last = rows[-1].seq if len(rows) == self.size else None
        return last, found, *await contents_of(connection, found, self.codec)


def _id(before: RunnableConfig | None) -> str | None:
    found = before.get("configurable", {}).get("checkpoint_id") if before else None
    return str(found) if found else None


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
    connection: AsyncConnection, scope: list[ColumnElement[bool]], checkpoint_id: str | None
) -> list[ColumnElement[bool]]:
    """Return the condition for what came before: by the database's order where the checkpoint is among those listed.

    LangGraph also asks for what a namespace had before a checkpoint of another one; their ids are compared then.
    """
    if not checkpoint_id:
        return []
    query = select(StateCheckpointRow.seq).join(StateThreadRow, StateThreadRow.id == StateCheckpointRow.thread)
    here = query.where(*scope, StateCheckpointRow.checkpoint_id == checkpoint_id)
    seq = await connection.scalar(here.order_by(StateCheckpointRow.seq.desc()).limit(1))
    return [StateCheckpointRow.checkpoint_id < checkpoint_id if seq is None else StateCheckpointRow.seq < seq]


def _matches(one: StoredCheckpoint, matching: Mapping[str, Any] | None) -> bool:
    metadata = cast("Mapping[str, Any]", one.record.metadata)
    return all(metadata.get(key) == value for key, value in (matching or {}).items())
