"""Items as they are read: those with given names, and the namespaces that there are."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from langgraph.store.base import Item, ListNamespacesOp, SearchItem
from sqlalchemy import ColumnElement, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.memory.batch import Name
from trunkline.runtime.storage.memory.namespace import (
    Namespace,
    below,
    from_text,
    literal_prefix,
    meets,
    to_text,
)
from trunkline.runtime.storage.memory_tables import MemoryItemRow
from trunkline.runtime.storage.sealed import item_place, opened_text

_AT_ONCE = 500
"""Names in a statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which rows a store sees."""

    tenant: str
    alive_at: datetime | None
    """None: what has expired is seen until it is swept."""

    seal: Seal

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions on items."""
        mine = MemoryItemRow.tenant == self.tenant
        if self.alive_at is None:
            return [mine]
        return [mine, or_(MemoryItemRow.expires_at.is_(None), MemoryItemRow.expires_at > self.alive_at)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredItem:
    """An item as it is stored."""

    namespace: Namespace
    key: str
    value: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    ttl: float | None

    def item(self) -> Item:
        """Return LangGraph's item."""
        return Item(
            value=self.value,
            key=self.key,
            namespace=self.namespace,
            created_at=self.created_at,
            updated_at=self.updated_at,
        )

    def found(self, score: float | None) -> SearchItem:
        """Return LangGraph's result of a search."""
        return SearchItem(self.namespace, self.key, self.value, self.created_at, self.updated_at, score)


async def find(connection: AsyncConnection, scope: Scope, names: Collection[Name]) -> dict[Name, StoredItem]:
    """Return the items with these names, those that there are."""
    waiting, found = iter(dict.fromkeys(names)), dict[Name, StoredItem]()
    name = tuple_(MemoryItemRow.ns, MemoryItemRow.key)
    row = MemoryItemRow.__table__.c
    query = select(row.ns, row.key, row.value, row.created_at, row.updated_at, row.ttl).where(*scope.conditions())
    while some := [(to_text(namespace), key) for namespace, key in islice(waiting, _AT_ONCE)]:
        for ns, key, value, created_at, updated_at, ttl in await connection.execute(query.where(name.in_(some))):
            namespace = from_text(ns)
            found[namespace, key] = StoredItem(
                namespace=namespace,
                key=key,
                value=json.loads(opened_text(scope.seal, value, item_place(scope.tenant, ns, key))),
                created_at=created_at,
                updated_at=updated_at,
                ttl=ttl,
            )
    return found


async def namespaces(connection: AsyncConnection, scope: Scope, op: ListNamespacesOp) -> list[Namespace]:
    """Return the namespaces that have items, cut to the depth that is asked for, in order."""
    conditions = op.match_conditions or ()
    known = select(MemoryItemRow.ns).distinct().where(*scope.conditions())
    rows = await connection.scalars(known.where(below(MemoryItemRow.ns, literal_prefix(conditions))))
    found = {
        namespace[: op.max_depth]
        for namespace in map(from_text, rows)
        if all(meets(namespace, condition) for condition in conditions)
    }
    return sorted(found)[op.offset : op.offset + op.limit]
