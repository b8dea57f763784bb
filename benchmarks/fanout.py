"""One turn of 16 tools of 100 ms: Trunkline on SQLite beside `asyncio.gather` and LangChain's agent, in the same run.

Run it with `make bench-fanout`. Every contender serves the same scripted model turn (16 calls, then an answer); the
contenders take turns within each round, so that noise on the machine meets all alike. Wall times are of the whole turn.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from langchain import agents
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from trunkline import Agent, ScriptedModel, Trunkline, tool
from trunkline.agents import call
from trunkline.tools import ToolCallFinished

CALLS, SECONDS = 16, 0.1
AIMS = {"async": 125, "blocking": 140}
"""Milliseconds within which the calls of Trunkline's turn should end; the whole turn is held to it as well."""

Turn = Callable[[], Awaitable[object]]


async def look_up(number: int) -> str:
    """Look something up, asynchronously."""
    await asyncio.sleep(SECONDS)
    return f"found {number}"


def look_up_blocking(number: int) -> str:
    """Look something up, blocking a thread."""
    time.sleep(SECONDS)
    return f"found {number}"


def scripted(name: str) -> ScriptedModel:
    """Return a model that asks for all calls in one turn, then answers."""
    return ScriptedModel([[call(name, number=number) for number in range(CALLS)], "all found"])


async def gathered(kind: str) -> None:
    """Run the functions with nothing around them: the floor."""
    if kind == "async":
        await asyncio.gather(*(look_up(number) for number in range(CALLS)))
    else:
        await asyncio.gather(*(asyncio.to_thread(look_up_blocking, number) for number in range(CALLS)))


def trunkline_agent(kind: str) -> Agent:
    """Return the agent whose turn is measured."""
    function = look_up if kind == "async" else look_up_blocking
    made = tool(effect="read", reads="shelf:{number}", name="look_up")(function)
    return Agent("bench", model=scripted("look_up"), tools=[made])


async def trunkline_turn(stack: AsyncExitStack, kind: str, folder: Path) -> Turn:
    """Return a turn on Trunkline: calls on the ledger, state checkpointed, steps traced, on SQLite."""
    agent = trunkline_agent(kind)
    line = await stack.enter_async_context(Trunkline(f"sqlite:///{folder / f'trunkline-{kind}.db'}"))
    return lambda: line.run(agent, "find them", thread=uuid4().hex)


async def trunkline_calls(stack: AsyncExitStack, kind: str, folder: Path) -> Turn:
    """Return the same turn, listened to: it gives the seconds until the last call had ended and was on the ledger."""
    agent = trunkline_agent(kind)
    line = await stack.enter_async_context(Trunkline(f"sqlite:///{folder / f'listened-{kind}.db'}"))

    async def turn() -> object:
        started, ended = time.perf_counter(), 0.0
        async for event in line.stream(agent, "find them", thread=uuid4().hex):
            if isinstance(event, ToolCallFinished):
                ended = time.perf_counter() - started
        return ended

    return turn


async def langchain_turn(stack: AsyncExitStack, kind: str, folder: Path | None) -> Turn:
    """Return a turn of LangChain's agent, with LangGraph's SQLite saver where a folder is given."""
    if kind == "async":
        made = StructuredTool.from_function(coroutine=look_up, name="look_up", description="Look up.")
    else:
        made = StructuredTool.from_function(look_up_blocking, name="look_up", description="Look up.")
    saver = None
    if folder:
        file = str(folder / f"langchain-{kind}.db")
        saver = await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(file))
    agent = cast("Any", agents.create_agent(scripted("look_up"), [made], checkpointer=saver))
    given = {"messages": [{"role": "user", "content": "find them"}]}
    durability = "sync" if saver else None

    async def turn() -> object:
        config = {"configurable": {"thread_id": uuid4().hex}}
        return await agent.ainvoke(given, config, durability=durability)

    return turn


async def measure(kind: str, rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each contender's turns."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        contenders: dict[str, Turn] = {
            "asyncio.gather, nothing else": lambda: gathered(kind),
            "LangChain agent, no saver": await langchain_turn(stack, kind, None),
            "LangChain agent, SQLite saver": await langchain_turn(stack, kind, folder),
            "Trunkline, SQLite": await trunkline_turn(stack, kind, folder),
            "Trunkline, until the calls ended": await trunkline_calls(stack, kind, folder),
        }
        for turn in contenders.values():
            await turn()
        taken: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, turn in contenders.items():
                started = time.perf_counter()
                told = await turn()
                seconds = told if isinstance(told, float) else time.perf_counter() - started
                taken[name].append(seconds * 1000)
        return taken


def report(kind: str, taken: dict[str, list[float]]) -> None:
    """Print the table of one kind of tools."""
    floor = statistics.median(taken["asyncio.gather, nothing else"])
    rounds = len(next(iter(taken.values())))
    print(f"\n{CALLS} {kind} tools of {SECONDS * 1000:.0f} ms in one turn, median and best of {rounds}")
    for name, times in taken.items():
        median = statistics.median(times)
        print(f"  {name:32} {median:7.1f} ms {min(times):7.1f} ms   x {median / floor:.2f}")
    for name in ("Trunkline, SQLite", "Trunkline, until the calls ended"):
        verdict = "reached" if statistics.median(taken[name]) <= AIMS[kind] else "missed"
        print(f"  aim of {AIMS[kind]} ms, {name}: {verdict}")


def main() -> None:
    """Measure both kinds of tools and print the tables."""
    parser = argparse.ArgumentParser(description="16 tools of 100 ms in one turn, beside peers")
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    peers = ("langchain", "langgraph", "langgraph-checkpoint-sqlite", "langchain-core")
    print(", ".join(f"{name} {version(name)}" for name in peers))
    for kind in ("async", "blocking"):
        report(kind, asyncio.run(measure(kind, rounds)))


if __name__ == "__main__":
    main()
