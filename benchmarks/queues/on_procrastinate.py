"""procrastinate: an async task. Stalled jobs are retried by a periodic task, as its guide has it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from typing import Any

from queues import job

PACKAGES = ("procrastinate", "psycopg")

procrastinate: Any = import_module("procrastinate")


def _app(url: str, work: Callable[[str], Awaitable[None]] = job.work) -> Any:
    app: Any = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
    app.task(name="work")(work)

    async def retry_stalled_jobs(timestamp: int) -> None:
        del timestamp
        for stalled in await app.job_manager.get_stalled_jobs():
            await app.job_manager.retry_job(stalled)

    app.periodic(cron="* * * * *")(app.task(queueing_lock="retry_stalled_jobs")(retry_stalled_jobs))
    return app


async def set_up(url: str, options: Mapping[str, Any]) -> None:
    """Make the tables."""
    async with (app := _app(url)).open_async():
        await app.schema_manager.apply_schema_async()
    if options["checkpoints"]:
        from queues import checkpointed

        await checkpointed.set_up(url)


async def serve(url: str, options: Mapping[str, Any]) -> None:
    """Serve the queue until killed."""
    async with AsyncExitStack() as stack:
        work = job.work
        if options["checkpoints"]:
            from queues.checkpointed import checkpointed

            work = await stack.enter_async_context(checkpointed(url, connections=options["slots"]))
        app = await stack.enter_async_context(_app(url, work).open_async())
        await app.run_worker_async(concurrency=options["slots"])


@asynccontextmanager
async def submitter(url: str, options: Mapping[str, Any]) -> AsyncGenerator[Callable[[Sequence[str]], Awaitable[None]]]:
    """Give what submits jobs."""
    del options
    async with (app := _app(url)).open_async():

        async def submit(names: Sequence[str]) -> None:
            for name in names:
                await app.tasks["work"].defer_async(name=name)

        yield submit
