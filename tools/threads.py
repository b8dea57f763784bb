"""Threads of our own for blocking tools, so that they never crowd out checkpoint writes or each other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any

DEFAULT_THREADS = 64


class ToolThreads:
    """A pool that grows to `size` threads. A thread cannot be stopped: a call given up on goes on in the background."""

    def __init__(self, size: int = DEFAULT_THREADS) -> None:
        self._pool = ThreadPoolExecutor(max_workers=size, thread_name_prefix="trunkline-tool")

    async def begin(self, function: Callable[..., Any], /, **arguments: Any) -> asyncio.Future[Any]:
        """Wait for a thread, and return the future of the function, which runs in it now.

        The function sees a copy of the caller's context. Cancelled while it waits, the function never runs.
        """
        loop, begun = asyncio.get_running_loop(), asyncio.Event()
        work = partial(copy_context().run, function, **arguments)

        def run() -> Any:
            loop.call_soon_threadsafe(begun.set)
            return work()

        running = loop.run_in_executor(self._pool, run)
        running.add_done_callback(lambda _: begun.set())  # closing the pool cancels what never began
        try:
            await begun.wait()
        except asyncio.CancelledError:
            running.cancel()
            raise
        return running

    def close(self) -> None:
        """Take no more work and do not wait for what still runs."""
        self._pool.shutdown(wait=False, cancel_futures=True)
