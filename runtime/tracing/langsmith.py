"""LangSmith: LangChain's callbacks send every step there when LANGSMITH_TRACING is set; here is what is left to do."""

from __future__ import annotations

import asyncio
import logging

log = logging.getLogger("trunkline.tracing")

FLUSH_SECONDS = 5.0


async def flush_langsmith() -> None:
    """Wait until the LangSmith client has sent what it holds, for `FLUSH_SECONDS` at most."""
    from langsmith import utils

    if not utils.tracing_is_enabled():
        return
    from langchain_core.tracers.langchain import wait_for_all_tracers

    try:
        await asyncio.wait_for(asyncio.to_thread(wait_for_all_tracers), FLUSH_SECONDS)
    except TimeoutError:
        log.warning("langsmith.flush_timed_out seconds=%g", FLUSH_SECONDS)
