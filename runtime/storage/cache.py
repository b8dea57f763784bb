"""`SQLAlchemyCache`: LangGraph's cache of nodes' results on SQLite and PostgreSQL."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Self

from langgraph.cache.base import BaseCache, FullKey, Namespace, ValueT
from langgraph.checkpoint.serde.base import SerializerProtocol
from sqlalchemy import delete, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.runtime.storage.attached import Attached, engine_at
from trunkline.runtime.storage.checkpoints.frame import frame, pack, unframe, unpack
from trunkline.runtime.storage.checkpoints.keyring import Keyring
from trunkline.runtime.storage.checkpoints.serializer import StrictSerializer, TypeName
from trunkline.runtime.storage.memory_tables import CacheEntryRow
from trunkline.runtime.storage.sealed import closed, entry_place, opened, seal_of
from trunkline.runtime.storage.sweeper import sweep_expired
from trunkline.runtime.storage.upsert import upsert
from trunkline.runtime.storage.writer import Writer
from trunkline.tools.clock import Clock

_AT_ONCE = 500
"""Keys in a statement."""


class SQLAlchemyCache(Attached, BaseCache[ValueT]):
    """A cache for any LangGraph program: `compile(cache=…)`, and `CachePolicy` on its nodes.

    Opened like `SQLAlchemySaver`. What was set is there for other processes once the method has returned; what has
    expired is gone at once, and its row is swept while the cache is open. `allowed_types` are the types that values may
    hold beside plain ones and LangChain's messages; `tenant` keeps entries apart. With `keys` values are encrypted,
    each bound to its key.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        writer: Writer | None = None,
        keys: Keyring | None = None,
        serde: SerializerProtocol | None = None,
        allowed_types: Iterable[type | TypeName] = (),
        tenant: str = "",
        clock: Clock | None = None,
    ) -> None:
        """`writer` is an open writer to share transactions with, which has the keys already.

        `serde` replaces the strict serialiser.
        """
        Attached.__init__(self, engine, writer=writer, keys=keys, clock=clock, tenant=tenant)
        BaseCache.__init__(self, serde=serde or StrictSerializer(allowed_types))  # pyright: ignore[reportUnknownMemberType]

    @classmethod
    @asynccontextmanager
    async def from_conn_string(
        cls,
        conn_string: str,
        *,
        keys: Keyring | None = None,
        serde: SerializerProtocol | None = None,
        allowed_types: Iterable[type | TypeName] = (),
        tenant: str = "",
        clock: Clock | None = None,
    ) -> AsyncGenerator[Self]:
        """Open a cache on the database at this URL and close it at the end. Raises `DatabaseUrlError`."""
        async with (
            engine_at(conn_string) as engine,
            cls(engine, keys=keys, serde=serde, allowed_types=allowed_types, tenant=tenant, clock=clock) as cache,
        ):
            yield cache

    def with_allowlist(self, extra_allowlist: Collection[TypeName]) -> Self:
        """Return the cache, which also takes these types."""
        if not isinstance(self.serde, StrictSerializer):
            return self
        clone = copy.copy(self)
        clone.serde = self.serde.with_msgpack_allowlist(extra_allowlist)
        return clone

    async def aget(self, keys: Sequence[FullKey]) -> dict[FullKey, ValueT]:
        """Return the values of these keys, those that there are. Raises `TypeNotAllowedError`."""
        wanted = {(_text(ns), key): (tuple(ns), key) for ns, key in keys}
        if not wanted:
            return {}
        tenant, now = self._at.tenant, self._now()
        rows = await self._reads().read(lambda connection: _find(connection, tenant, list(wanted), now))
        return {
            full: self.serde.loads_typed(unframe(unpack(rows[name]))) for name, full in wanted.items() if name in rows
        }

    async def aset(self, pairs: Mapping[FullKey, tuple[ValueT, int | None]]) -> None:
        """Keep values under these keys, each for so many seconds, or for ever. Raises `TypeNotAllowedError`."""
        now = self._now()
        rows = [
            {
                "tenant": self._at.tenant,
                "ns": _text(ns),
                "key": key,
                "data": self._packed(value),
                "expires_at": None if ttl is None else now + timedelta(seconds=ttl),
            }
            for (ns, key), (value, ttl) in pairs.items()
        ]
        if rows:
            await self._writer().share(_set, rows)

    async def aclear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        """Forget what is in these namespaces, or everything."""
        mine = CacheEntryRow.tenant == self._at.tenant
        statement = delete(CacheEntryRow).where(mine)
        if namespaces is not None:
            statement = statement.where(CacheEntryRow.ns.in_([_text(ns) for ns in namespaces]))
        await self._writer().write(lambda connection: connection.execute(statement))

    def get(self, keys: Sequence[FullKey]) -> dict[FullKey, ValueT]:
        """Do what `aget` does, from another thread."""
        return self._wait(self.aget(keys))

    def set(self, pairs: Mapping[FullKey, tuple[ValueT, int | None]]) -> None:
        """Do what `aset` does, from another thread."""
        self._wait(self.aset(pairs))

    def clear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        """Do what `aclear` does, from another thread."""
        self._wait(self.aclear(namespaces))

    async def sweep_ttl(self) -> int:
        """Delete the rows of entries that have expired, and return how many there were."""
        return await sweep_expired(self._writer(), CacheEntryRow, tenant=self._at.tenant, now=self._now())

    def _packed(self, value: ValueT) -> bytes:
        typed = self.serde.dumps_typed(value)
        if isinstance(self.serde, StrictSerializer):
            self.serde.require_allowed(typed)
        return pack(frame(typed))


async def _find(
    connection: AsyncConnection, tenant: str, names: Sequence[tuple[str, str]], now: datetime
) -> dict[tuple[str, str], bytes]:
    row, found = CacheEntryRow, dict[tuple[str, str], bytes]()
    alive = or_(row.expires_at.is_(None), row.expires_at > now)
    seal = seal_of(connection)
    for start in range(0, len(names), _AT_ONCE):
        these = tuple_(row.ns, row.key).in_(names[start : start + _AT_ONCE])
        query = select(row.ns, row.key, row.data).where(row.tenant == tenant, these, alive)
        rows = await connection.execute(query)
        found |= {(ns, key): opened(seal, data, entry_place(tenant, ns, key)) for ns, key, data in rows}
    return found


async def _set(connection: AsyncConnection, shares: Sequence[Sequence[Mapping[str, Any]]]) -> list[None]:
    """Write entries, in the order of their names, so that no two writers wait for each other."""
    seal = seal_of(connection)
    rows = [
        {**row, "data": closed(seal, row["data"], entry_place(*name))}
        for name, row in sorted(((_name(row), row) for share in shares for row in share), key=itemgetter(0))
    ]
    await connection.execute(upsert(connection.dialect, CacheEntryRow, replacing=("data", "expires_at")), rows)
    return [None] * len(shares)


def _name(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["tenant"], row["ns"], row["key"]


def _text(namespace: Sequence[str]) -> str:
    return json.dumps(list(namespace))
