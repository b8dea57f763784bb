"""DBOS Transact: a workflow of one step. After a crash a process of the same executor id must be started again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from queues import job

PACKAGES = ("dbos",)
_QUEUE = "bench"

dbos: Any = import_module("dbos")
_step: Any = dbos.DBOS.step()(job.work)


async def _work(name: str) -> None:
    await _step(name)


dbos.DBOS.workflow(name="work")(_work)


async def set_up(url: str, options: Mapping[str, Any]) -> None:
    """Make the tables: the first launch does."""
    del options
    await asyncio.to_thread(_launched, url, {"poll": 1.0, "limit": None}, executor="set-up")
    await asyncio.to_thread(dbos.DBOS.destroy)


async def serve(url: str, options: Mapping[str, Any]) -> None:
    """Serve the queue until killed."""
    await asyncio.to_thread(_launched, url, options, executor=options["executor"])
    await asyncio.Event().wait()


@asynccontextmanager
async def submitter(url: str, options: Mapping[str, Any]) -> AsyncGenerator[Callable[[Sequence[str]], Awaitable[None]]]:
    """Give what submits jobs."""
    del options
    client: Any = await asyncio.to_thread(dbos.DBOSClient, system_database_url=url)

    async def submit(names: Sequence[str]) -> None:
        for name in names:
            await client.enqueue_async({"workflow_name": "work", "queue_name": _QUEUE}, name)

    yield submit
    await asyncio.to_thread(client.destroy)


def _launched(url: str, options: Mapping[str, Any], *, executor: str) -> None:
    dbos.DBOS(
        config={
            "name": "bench",
            "system_database_url": url,
            "executor_id": executor,
            "application_version": "1",
            "console_log_level": "WARNING",
        }
    )
    dbos.DBOS.launch()
    dbos.DBOS.register_queue(
        _QUEUE,
        polling_interval_sec=options["poll"],
        worker_concurrency=options["limit"],
        on_conflict="always_update",
    )
