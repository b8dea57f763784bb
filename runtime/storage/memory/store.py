"""`SQLAlchemyStore`: LangGraph's store on SQLite and PostgreSQL."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Self

from langgraph.store.base import BaseStore, IndexConfig, Op, Result, TTLConfig
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trunkline.runtime.storage.attached import SWEEP_SECONDS, Attached, engine_at
from trunkline.runtime.storage.checkpoints.keyring import Keyring
from trunkline.runtime.storage.memory.batch import Batch
from trunkline.runtime.storage.memory.changes import Change, Put, Refresh, Removal, apply, to_json
from trunkline.runtime.storage.memory.index import Embedded, VectorIndex
from trunkline.runtime.storage.memory.items import Scope
from trunkline.runtime.storage.memory.reading import Answers, read
from trunkline.runtime.storage.memory_tables import MemoryItemRow, MemoryVectorRow
from trunkline.runtime.storage.sweeper import sweep_expired
from trunkline.runtime.storage.writer import Writer
from trunkline.tools.clock import Clock

log = logging.getLogger("trunkline.storage")


class SQLAlchemyStore(Attached, BaseStore):
    """Long-term memory for any LangGraph program.

    `async with SQLAlchemyStore.from_conn_string("sqlite:///memory.db") as store: await store.setup()`, or
    `async with SQLAlchemyStore(engine) as store:` on an engine of one's own, which stays open. Values are JSON. A batch
    is one transaction of reads and one of writes, in which the last of several writes to a key counts; writes of others
    that are ready share it. Blocking methods work from threads other than that of the event loop on which the store was
    opened.

    `index` is LangGraph's: with it, `search(query=…)` ranks the items that were embedded by cosine, exactly: with
    pgvector where PostgreSQL has it, else with NumPy. `ttl` is LangGraph's too, but an item that has expired is gone at
    once, unless `omit_expired` is False; rows are swept while the store is open. `tenant` keeps items apart.

    With `keys` values are encrypted, each bound to its name. Namespaces, keys and vectors are not.
    """

    supports_ttl = True

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        writer: Writer | None = None,
        keys: Keyring | None = None,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        tenant: str = "",
        clock: Clock | None = None,
    ) -> None:
        """`writer` is an open writer to share transactions with, which has the keys already.

        `clock` is what items expire by.
        """
        minutes = (ttl or {}).get("sweep_interval_minutes")
        sweep = minutes * 60.0 if minutes else SWEEP_SECONDS
        super().__init__(engine, writer=writer, keys=keys, clock=clock, tenant=tenant, sweep_seconds=sweep)
        self.ttl_config = ttl
        self._index = VectorIndex.of(index) if index else None

    @classmethod
    @asynccontextmanager
    async def from_conn_string(
        cls,
        conn_string: str,
        *,
        keys: Keyring | None = None,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        tenant: str = "",
        clock: Clock | None = None,
    ) -> AsyncGenerator[Self]:
        """Open a store on the database at this URL and close it at the end. Raises `DatabaseUrlError`."""
        async with (
            engine_at(conn_string) as engine,
            cls(engine, keys=keys, index=index, ttl=ttl, tenant=tenant, clock=clock) as store,
        ):
            yield store

    async def setup(self) -> None:
        """Create the tables, or bring them to this version; with `index`, also pgvector, where the server allows it."""
        await super().setup()
        if self._index and self._at.engine.dialect.name == "postgresql":
            try:
                await self._writer().write(_create_pgvector)
            except DBAPIError as error:
                log.warning("store.pgvector_missing, searching with NumPy: %s", error.orig)

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do all that is asked for. What reads sees what was there before the batch.

        Raises LangGraph's `InvalidNamespaceError`, `StoreItemError`, `StoreFilterError`, `EmbeddingError`.
        """
        batch = Batch.of(ops)
        values = {name: to_json(name, op.value) for name, op in batch.puts.items() if op.value is not None}
        embedded = await self._index.embed(batch) if self._index else Embedded(items={}, queries={})
        now, tenant = self._now(), self._at.tenant
        answers = await self._answers(batch, embedded, now)
        changes: list[Change] = [
            Refresh(tenant=tenant, name=name, ttl=ttl, at=now) for name, ttl in answers.refreshed.items()
        ]
        for name, op in batch.puts.items():
            if name in values:
                ttl = None if op.ttl is None else op.ttl * 60.0
                vectors = embedded.items.get(name, ())
                changes.append(Put(tenant=tenant, name=name, value=values[name], at=now, ttl=ttl, vectors=vectors))
            else:
                changes.append(Removal(tenant=tenant, name=name))
        if changes:
            await self._writer().share(apply, changes)
        return batch.results(answers.results)

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Do what `abatch` does, from another thread."""
        return self._wait(self.abatch(list(ops)))

    async def sweep_ttl(self) -> int:
        """Delete the rows of items that have expired, and return how many there were."""
        tables = (MemoryItemRow, MemoryVectorRow)
        return await sweep_expired(self._writer(), *tables, tenant=self._at.tenant, now=self._now())

    async def _answers(self, batch: Batch, embedded: Embedded, now: datetime) -> Answers:
        if not batch.reads:
            return Answers()
        omit = (self.ttl_config or {}).get("omit_expired", True)
        scope = Scope(tenant=self._at.tenant, alive_at=now if omit else None, seal=self._at.seal)
        return await self._reads().read(lambda connection: read(connection, scope, batch, embedded.queries))


async def _create_pgvector(connection: AsyncConnection) -> None:
    await connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
