"""Changes to items: put, removed, refreshed; many are applied in one transaction, in an order that all writers keep."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, groupby
from typing import Any, cast

from sqlalchemy import bindparam, delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import StoreItemError
from trunkline.runtime.storage.checkpoints.seal import Seal
from trunkline.runtime.storage.memory.batch import Name
from trunkline.runtime.storage.memory.namespace import to_text
from trunkline.runtime.storage.memory_tables import MemoryItemRow, MemoryVectorRow
from trunkline.runtime.storage.sealed import closed_text, item_place, seal_of
from trunkline.runtime.storage.upsert import upsert

_HALF_PAIRS = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """An item to write. It replaces one of the same name, and its vectors, and keeps when that was created."""

    tenant: str
    name: Name
    value: str
    """JSON."""

    at: datetime
    ttl: float | None
    vectors: Sequence[tuple[str, bytes]]
    """By field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """An item to remove, if there is one."""

    tenant: str
    name: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """An item that was read and lives on from now, unless it has changed meanwhile."""

    tenant: str
    name: Name
    ttl: float
    at: datetime


Change = Put | Removal | Refresh


def to_json(name: Name, value: Mapping[str, Any]) -> str:
    """Return an item's value as JSON. Raises `StoreItemError`."""
    namespace, key = name
    if "\0" in key:
        raise StoreItemError(namespace=namespace, key=key, problem="its key holds a NUL, which databases cannot keep")
    try:
        text = json.dumps(dict(value), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StoreItemError(namespace=namespace, key=key, problem=f"its value is not JSON: {error}") from error
    return json.dumps(dict(value)) if _HALF_PAIRS.search(text) else text


async def apply(connection: AsyncConnection, shares: Sequence[Sequence[Change]]) -> list[None]:
    """Make changes. Every writer takes the items in the order of their names, so that no two wait for each other."""
    changes = sorted(chain.from_iterable(shares), key=_identity)
    for _, run in groupby(changes, key=type):
        last = list({_identity(change): change for change in run}.values())
        match last[0]:
            case Put():
                await _put(connection, cast("list[Put]", last))
            case Removal():
                await _remove(connection, last)
            case Refresh():
                await _refresh(connection, cast("list[Refresh]", last))
    return [None] * len(shares)


async def _put(connection: AsyncConnection, puts: Sequence[Put]) -> None:
    replacing = ("value", "updated_at", "ttl", "expires_at")
    statement = upsert(connection.dialect, MemoryItemRow, replacing=replacing)
    await connection.execute(statement, [_item_row(put, seal_of(connection)) for put in puts])
    await connection.execute(_delete(MemoryVectorRow), [_bound(put) for put in puts])
    if vectors := [row for put in puts for row in _vector_rows(put)]:
        await connection.execute(insert(MemoryVectorRow), vectors)


async def _remove(connection: AsyncConnection, changes: Sequence[Change]) -> None:
    names = [_bound(change) for change in changes]
    await connection.execute(_delete(MemoryItemRow), names)
    await connection.execute(_delete(MemoryVectorRow), names)


async def _refresh(connection: AsyncConnection, refreshes: Sequence[Refresh]) -> None:
    row = MemoryItemRow
    same = (row.tenant == bindparam("in_tenant"), row.ns == bindparam("in_ns"), row.key == bindparam("named"))
    statement = update(row).where(*same, row.ttl == bindparam("as_read")).values(expires_at=bindparam("until"))
    rows = [{**_bound(one), "as_read": one.ttl, "until": _later(one.at, one.ttl)} for one in refreshes]
    await connection.execute(statement, rows)


def _identity(change: Change) -> tuple[str, Name]:
    return change.tenant, change.name


def _bound(change: Change) -> dict[str, Any]:
    namespace, key = change.name
    return {"in_tenant": change.tenant, "in_ns": to_text(namespace), "named": key}


def _delete(table: type[MemoryItemRow | MemoryVectorRow]) -> Any:
    same = (table.tenant == bindparam("in_tenant"), table.ns == bindparam("in_ns"), table.key == bindparam("named"))
    return delete(table).where(*same)


def _item_row(put: Put, seal: Seal) -> dict[str, Any]:
    namespace, key = put.name
    ns = to_text(namespace)
    return {
        "tenant": put.tenant,
        "ns": ns,
        "key": key,
        "value": closed_text(seal, put.value, item_place(put.tenant, ns, key)),
        "created_at": put.at,
        "updated_at": put.at,
        "ttl": put.ttl,
        "expires_at": None if put.ttl is None else _later(put.at, put.ttl),
    }


def _vector_rows(put: Put) -> list[dict[str, Any]]:
    namespace, key = put.name
    name = {"tenant": put.tenant, "ns": to_text(namespace), "key": key}
    return [{**name, "field": field, "dims": len(vector) // 4, "embedding": vector} for field, vector in put.vectors]


def _later(at: datetime, seconds: float) -> datetime:
    return at + timedelta(seconds=seconds)
