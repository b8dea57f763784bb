"""Points this process's LangSmith tracing at a stand-in server for the length of a `with` block."""

import os
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager

import langsmith.env
import langsmith.run_trees
import langsmith.utils
import pytest
from langchain_core.tracers.langchain import wait_for_all_tracers
from langsmith import Client

from stand_ins.langsmith_server import LangSmithServer

API_KEY = "lsv2_stand_in"
PROJECT = "stand-in"


@contextmanager
def langsmith_environment(
    monkeypatch: pytest.MonkeyPatch, server: LangSmithServer, *, project: str = PROJECT
) -> Generator[None]:
    """Trace everything in the block to `server`, with no other LANGSMITH_ or LANGCHAIN_ variable set.

    When the block ends, everything that was traced has arrived and the client's threads have ended. A server that
    takes no traces at that point takes and forgets the rest (mode `discard`), so that an outage costs no time here.
    Within the block, `wait_for_all_tracers()` waits for what was traced so far.
    """
    threads = set(threading.enumerate())
    try:
        with monkeypatch.context() as environment:
            _set_environment(environment, server.url, project)
            _forget_environment()
            try:
                yield
            finally:
                _flush(server)
    finally:
        _forget_environment()
        _join(set(threading.enumerate()) - threads)


def _set_environment(environment: pytest.MonkeyPatch, url: str, project: str) -> None:
    for name in list(os.environ):
        if name.startswith(("LANGSMITH_", "LANGCHAIN_")):
            environment.delenv(name)
    environment.setenv("LANGSMITH_TRACING", "true")
    environment.setenv("LANGSMITH_ENDPOINT", url)
    environment.setenv("LANGSMITH_API_KEY", API_KEY)
    environment.setenv("LANGSMITH_PROJECT", project)


def _forget_environment() -> None:
    """Make the client read the environment again; it caches each variable and keeps one client per process."""
    langsmith.utils.get_env_var.cache_clear()  # type: ignore[attr-defined]
    langsmith.utils.get_tracer_project.cache_clear()
    langsmith.env.get_langchain_env_var_metadata.cache_clear()
    langsmith.run_trees._CLIENT = None  # pyright: ignore[reportPrivateUsage]


def _flush(server: LangSmithServer) -> None:
    if server.mode not in {"multipart", "zstd", "batch", "discard", 404}:
        server.mode = "discard"
    wait_for_all_tracers()
    client: Client | None = langsmith.run_trees._CLIENT  # pyright: ignore[reportPrivateUsage]
    if client is not None:
        client.close()


def _join(threads: Iterable[threading.Thread]) -> None:
    """Wait for the client's own threads, which notice within a quarter of a second that it is closed."""
    for thread in threads:
        if "tracing_control_thread" in thread.name or "tracing_sub_thread" in thread.name:
            thread.join(10.0)
