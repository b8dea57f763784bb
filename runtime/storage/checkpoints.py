"""Where LangGraph keeps its checkpoints.

Borrowed for now: LangGraph's own SQLite and PostgreSQL savers on a connection of their own. Trunkline's SQLAlchemy
saver replaces both; only this module knows them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from trunkline.runtime.storage.url import DatabaseUrl


@asynccontextmanager
async def open_saver(url: DatabaseUrl) -> AsyncGenerator[BaseCheckpointSaver[str]]:
    """Open the checkpointer of a database whose tables are up to date."""
    if url.embedded:
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        async with AsyncSqliteSaver.from_conn_string(str(url.path)) as saver:
            await saver.conn.execute(
                "PRAGMA synchronous=NORMAL"
            )  # the ledger's and the run's own commits sync for both
            yield saver
    else:
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

        async with AsyncPostgresSaver.from_conn_string(url.conninfo) as saver:
            yield saver


async def set_up_saver(url: DatabaseUrl) -> None:
    """Create the checkpointer's tables."""
    async with open_saver(url) as saver:
        if setup := getattr(saver, "setup", None):
            await setup()


def turn_of(saver: BaseCheckpointSaver[str]) -> AbstractAsyncContextManager[Any] | None:
    """Return the lock under which the saver writes to SQLite: two writers in one process would wait for each other
    in the busy handler's sleeps otherwise. None on PostgreSQL, where they do not meet.
    """
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    return saver.lock if isinstance(saver, AsyncSqliteSaver) else None
