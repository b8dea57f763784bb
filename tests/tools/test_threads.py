"""Threads for blocking tools."""

import asyncio
import threading
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest

from trunkline.tools import ToolThreads

colour: ContextVar[str] = ContextVar("colour")


async def run(threads: ToolThreads, function: Callable[..., Any], /, **arguments: Any) -> Any:
    """Wait for a thread and then for the function's result."""
    return await (await threads.begin(function, **arguments))


async def test_a_function_sees_the_context_of_its_caller() -> None:
    """And what it sets stays with it."""
    colour.set("blue")
    threads = ToolThreads(1)

    def swap(to: str) -> str:
        before = colour.get()
        colour.set(to)
        return before

    assert [await run(threads, swap, to="red"), await run(threads, swap, to="green")] == ["blue", "blue"]
    threads.close()


async def test_no_more_threads_run_than_the_size() -> None:
    """Two of three calls meet; the third comes after."""
    threads, pair = ToolThreads(2), threading.Barrier(2)

    def meet(who: str) -> str:
        if who != "late":
            pair.wait(10)
        return threading.current_thread().name

    names = await asyncio.gather(*(run(threads, meet, who=who) for who in ("one", "other", "late")))
    assert len(set(names)) == 2
    threads.close()


async def test_arguments_may_have_any_name() -> None:
    """A tool's parameters never meet those of the pool."""
    threads = ToolThreads(1)

    def call(**arguments: str) -> dict[str, str]:
        return arguments

    given = {"self": "s", "function": "f", "timeout": "t", "size": "z"}
    assert await run(threads, call, **given) == given
    threads.close()


async def test_a_closed_pool_takes_no_more_work() -> None:
    """It says so at once instead of waiting."""
    threads = ToolThreads(1)
    threads.close()

    with pytest.raises(RuntimeError, match="after shutdown"):
        await threads.begin(dict)


async def test_whoever_gives_up_waiting_for_a_thread_runs_nothing() -> None:
    """A call that never had its thread is dropped, and the next one has it."""
    threads, let_go, ran = ToolThreads(1), threading.Event(), list[str]()
    held = await threads.begin(let_go.wait)
    dropped, kept = (asyncio.create_task(run(threads, partial(ran.append, name))) for name in ("dropped", "kept"))
    await asyncio.sleep(0)
    dropped.cancel()
    await asyncio.wait([dropped])
    let_go.set()
    await asyncio.wait([held, kept])
    threads.close()

    assert (dropped.cancelled(), ran) == (True, ["kept"])


async def test_closing_the_pool_lets_nobody_hang() -> None:
    """A call that still waits for a thread is cancelled; one that has it goes on."""
    threads, let_go, ran = ToolThreads(1), threading.Event(), threading.Event()
    held = await threads.begin(let_go.wait)
    waiting = asyncio.create_task(run(threads, ran.set))
    await asyncio.sleep(0)
    threads.close()
    await asyncio.wait([waiting])
    let_go.set()
    await held

    assert (waiting.cancelled(), ran.is_set()) == (True, False)
