"""In which order a search goes through items: the newest first, or the nearest in meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVarTuple

from langgraph.store.base import SearchOp
from sqlalchemy import ColumnElement, Double, Select, cast, func, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.storage.memory.filter import hints
from trunkline.runtime.storage.memory.items import Scope
from trunkline.runtime.storage.memory.namespace import below
from trunkline.runtime.storage.memory_tables import MemoryItemRow, MemoryVectorRow

Columns = TypeVarTuple("Columns")
Ranked = tuple[str, str, float | None]
"""An item's namespace as it is stored, its key, and its score: the cosine of the angle to the query."""


async def newest(connection: AsyncConnection, scope: Scope, op: SearchOp) -> list[Ranked]:
    """Return the items under the namespace, those last written first; without a filter, only the page asked for."""
    row = MemoryItemRow
    query = select(row.ns, row.key).where(*_candidates(scope, op)).order_by(row.updated_at.desc(), row.ns, row.key)
    return [(ns, key, None) for ns, key in await connection.execute(_page(query, op))]


async def nearest(connection: AsyncConnection, scope: Scope, op: SearchOp, vector: bytes) -> list[Ranked]:
    """Return the items under the namespace that have vectors of as many dimensions, each by its nearest one.

    It is exact: no index that guesses. PostgreSQL does it by itself where it has pgvector.
    """
    if connection.dialect.name == "postgresql" and await connection.scalar(
        text("SELECT to_regtype('vector') IS NOT NULL")
    ):
        return await _nearest_in_database(connection, scope, op, vector)
    return await _nearest_here(connection, scope, op, vector)


async def _nearest_in_database(connection: AsyncConnection, scope: Scope, op: SearchOp, vector: bytes) -> list[Ranked]:
    from pgvector.sqlalchemy import VECTOR

    wanted = cast(literal(vector, MemoryVectorRow.embedding.type), VECTOR())
    distance: Any = cast(MemoryVectorRow.embedding, VECTOR()).cosine_distance(wanted)
    distance = func.coalesce(func.nullif(distance, cast(literal("NaN"), Double[float]())), 1.0)  # of a vector of zeros
    score = func.max(1.0 - distance)
    row = MemoryItemRow
    query = select(row.ns, row.key, score).where(*_with_vectors(scope, op, vector)).group_by(row.ns, row.key)
    rows = await connection.execute(_page(query.order_by(score.desc(), row.ns, row.key), op))
    return [(ns, key, score) for ns, key, score in rows]


async def _nearest_here(connection: AsyncConnection, scope: Scope, op: SearchOp, vector: bytes) -> list[Ranked]:
    row = MemoryItemRow
    query = select(row.ns, row.key, MemoryVectorRow.embedding).where(*_with_vectors(scope, op, vector))
    rows = (await connection.execute(query)).all()
    best: dict[tuple[str, str], float] = {}
    for (ns, key, _), score in zip(rows, _cosines([embedding for _, _, embedding in rows], vector), strict=True):
        best[ns, key] = max(score, best.get((ns, key), -1.0))
    ranked = sorted(best.items(), key=lambda one: (-one[1], one[0]))
    page = ranked if op.filter else ranked[op.offset : op.offset + op.limit]
    return [(ns, key, score) for (ns, key), score in page]


def _cosines(vectors: Sequence[bytes], wanted: bytes) -> list[float]:
    import numpy as np

    query = np.frombuffer(wanted, np.float32)
    matrix = np.frombuffer(b"".join(vectors), np.float32).reshape(len(vectors), len(query))
    lengths = np.linalg.norm(matrix, axis=1) * np.linalg.norm(query)
    cosines = np.divide(matrix @ query, lengths, out=np.zeros(len(vectors), np.float32), where=lengths != 0)
    return [float(cosine) for cosine in cosines]


def _candidates(scope: Scope, op: SearchOp) -> list[ColumnElement[bool]]:
    readable = {} if scope.seal.key else op.filter or {}  # what is sealed can only be compared once it is opened
    return [*scope.conditions(), below(MemoryItemRow.ns, op.namespace_prefix), *hints(readable)]


def _with_vectors(scope: Scope, op: SearchOp, vector: bytes) -> list[ColumnElement[bool]]:
    item, row = MemoryItemRow, MemoryVectorRow
    same = [row.tenant == item.tenant, row.ns == item.ns, row.key == item.key, row.dims == len(vector) // 4]
    return [*_candidates(scope, op), *same]


def _page(query: Select[*Columns], op: SearchOp) -> Select[*Columns]:
    return query if op.filter else query.limit(op.limit).offset(op.offset)
