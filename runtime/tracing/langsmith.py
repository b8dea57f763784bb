"""LangSmith: LangChain's callbacks send every step there when LANGSMITH_TRACING is set; here is what is left to do."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from threading import Thread

log = logging.getLogger("trunkline.tracing")

FLUSH_SECONDS = 5.0


async def flush_langsmith() -> None:
    """Wait until the LangSmith client has sent what it holds, for `FLUSH_SECONDS` at most."""
    from langsmith import utils

    if not utils.tracing_is_enabled():
        return
    flushed: Future[None] = Future()
    # Not in the loop's own threads: those are waited for at the end of the program, however long LangSmith hangs.
    Thread(target=_flush, args=[flushed], name="langsmith flush", daemon=True).start()
    try:
        await asyncio.wait_for(asyncio.wrap_future(flushed), FLUSH_SECONDS)
    except TimeoutError:
        log.warning("langsmith.flush_timed_out seconds=%g", FLUSH_SECONDS)


def _flush(flushed: Future[None]) -> None:
    from langchain_core.tracers.langchain import wait_for_all_tracers

    if flushed.set_running_or_notify_cancel():
        try:
            wait_for_all_tracers()
        except Exception as error:  # noqa: BLE001 - a broken tracer never breaks a run
            flushed.set_exception(error)
        else:
            flushed.set_result(None)
