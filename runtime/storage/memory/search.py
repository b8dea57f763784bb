"""Search: the items under a namespace that a filter lets through, in the order of their ranking."""

from __future__ import annotations

from langgraph.store.base import SearchOp
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.storage.memory.filter import matches
from trunkline.runtime.storage.memory.items import Scope, StoredItem, find
from trunkline.runtime.storage.memory.namespace import from_text
from trunkline.runtime.storage.memory.ranking import nearest, newest

_AT_ONCE = 200
"""Items read at once while a filter is tried on them."""

Found = tuple[StoredItem, float | None]
"""An item and its score."""


async def search(connection: AsyncConnection, scope: Scope, op: SearchOp, vector: bytes | None) -> list[Found]:
    """Return what a search finds; `vector` is that of its query. Raises `StoreFilterError`."""
    ranking = await (newest(connection, scope, op) if vector is None else nearest(connection, scope, op, vector))
    kept: list[Found] = []
    for start in range(0, len(ranking), _AT_ONCE):
        some = [((from_text(ns), key), score) for ns, key, score in ranking[start : start + _AT_ONCE]]
        items = await find(connection, scope, [name for name, _ in some])
        kept += [
            (item, score) for name, score in some if (item := items.get(name)) and matches(item.value, op.filter or {})
        ]
        if len(kept) >= op.offset + op.limit:
            break
    return kept[op.offset : op.offset + op.limit] if op.filter else kept
