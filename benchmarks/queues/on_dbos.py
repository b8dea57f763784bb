"""DBOS Transact: a workflow of one step. After a crash a process of the same executor id must be started again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from dbos import DBOS, DBOSClient  # pyright: ignore[reportMissingImports] - it lives in .venv-bench

from queues import job

PACKAGES = ("dbos",)
_QUEUE = "bench"
_STEP: Any = DBOS.step()(job.work)


@DBOS.workflow(name="work")
async def _workflow(name: str) -> None:
    await _STEP(name)


async def set_up(url: str) -> None:
    """Make the tables: the first launch does."""
    await asyncio.to_thread(_launched, url, {"poll": 1.0, "limit": None}, executor="set-up")
    await asyncio.to_thread(DBOS.destroy)


async def serve(url: str, options: Mapping[str, Any]) -> None:
    """Serve the queue until killed."""
    await asyncio.to_thread(_launched, url, options, executor=options["executor"])
    await asyncio.Event().wait()


@asynccontextmanager
async def submitter(url: str, options: Mapping[str, Any]) -> AsyncGenerator[Callable[[Sequence[str]], Awaitable[None]]]:
    """Give what submits jobs."""
    del options
    client: Any = await asyncio.to_thread(DBOSClient, system_database_url=url)

    async def submit(names: Sequence[str]) -> None:
        for name in names:
            await client.enqueue_async({"workflow_name": "work", "queue_name": _QUEUE}, name)

    yield submit
    await asyncio.to_thread(client.destroy)


def _launched(url: str, options: Mapping[str, Any], *, executor: str) -> None:
    DBOS(
        config={
            "name": "bench",
            "system_database_url": url,
            "executor_id": executor,
            "application_version": "1",
            "console_log_level": "WARNING",
        }
    )
    DBOS.launch()
    DBOS.register_queue(
        _QUEUE,
        polling_interval_sec=options["poll"],
        worker_concurrency=options["limit"],
        on_conflict="always_update",
    )
