"""Checkpoints beside LangGraph's own savers: `python benchmarks/checkpoints.py [conversation|fanout|runs|load]`.

Each measurement runs in a process of its own; those that are compared take turns. PostgreSQL is the wheel's, on this
machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypedDict, cast

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Send

TURNS, LETTERS, SENDS, CONVERSATIONS, LONG = 400, 400, 200, 50, 10_000
SAVERS = ("none", "memory", "langgraph sqlite", "trunkline sqlite", "langgraph postgresql", "trunkline postgresql")
ROUNDS = 3
THREAD: Any = {"configurable": {"thread_id": "t"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One measurement."""

    seconds: float
    cpu: float
    early: float = 0.0
    """Seconds of turn 10."""

    late: float = 0.0
    """Seconds of turn 400."""

    bytes: int = 0


class Chat(TypedDict):
    """A conversation."""

    messages: Annotated[list[AnyMessage], add_messages]


def main() -> None:
    """Measure, or be one measurement."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="?", choices=MEASUREMENTS)
    parser.add_argument("--saver", choices=SAVERS)
    parser.add_argument("--server", default="")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    if given.saver:
        print(json.dumps(asdict(asyncio.run(MEASUREMENTS[given.what](given.saver, given.server)))))
        return
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from stand_ins.databases import postgres_server

    with postgres_server() as server:
        for what in [given.what] if given.what else MEASUREMENTS:
            _compare(what, server, given.rounds)


def _compare(what: str, server: str, rounds: int) -> None:
    found: dict[str, list[Figures]] = {}
    for _ in range(rounds):
        for saver in SAVERS:
            found.setdefault(saver, []).append(_measured(what, saver, server))
    print(f"\n{what}: {MEASUREMENTS[what].__doc__}\n")
    print(f"{'':22}{'seconds':>9}{'cpu':>8}{'turn 10':>10}{'turn 400':>10}{'MB':>9}")
    best = {saver: min(figures, key=lambda one: one.seconds) for saver, figures in found.items()}
    for saver, one in best.items():
        cells = f"{one.seconds:9.2f}{one.cpu:8.2f}{one.early * 1000:8.1f}ms{one.late * 1000:8.1f}ms"
        print(f"{saver:22}{cells}{one.bytes / 1e6:9.2f}")
    for kind in ("sqlite", "postgresql"):
        theirs, ours = best[f"langgraph {kind}"], best[f"trunkline {kind}"]
        parts = [f"{theirs.seconds / ours.seconds:.2f} times as fast", f"{ours.cpu / theirs.cpu:.2f} of the CPU"]
        if ours.late:
            parts += [
                f"turn 400 over turn 10: {ours.late / ours.early:.2f}",
                f"{theirs.late / ours.late:.2f} times as fast at 400",
            ]
        if ours.bytes:
            parts.append(f"1/{theirs.bytes / ours.bytes:.0f} of the bytes")
        if what == "runs":
            parts.append(f"{best['none'].seconds / ours.seconds:.0%} of the speed without a saver")
        print(f"{kind}: {', '.join(parts)}")


def _measured(what: str, saver: str, server: str) -> Figures:
    command = [sys.executable, __file__, what, "--saver", saver, "--server", server]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Figures(**json.loads(done.stdout))


async def conversation(saver: str, server: str) -> Figures:
    """400 turns of two messages of 400 letters, one after the other."""
    graph, turns = _chat(), list[float]()
    async with _opened(saver, server) as (opened, size):
        compiled = graph.compile(checkpointer=opened)
        said: list[Any] = []
        began = _Clock()
        for _ in range(TURNS):
            at = time.perf_counter()
            done = await compiled.ainvoke({"messages": [*said, HumanMessage(_text())]}, THREAD)
            said = [] if opened else done["messages"]
            turns.append(time.perf_counter() - at)
        seconds, cpu = began.stopped()
        early, late = (statistics.median(turns[at - 8 : at + 8]) for at in (10, TURNS - 8))
        return Figures(seconds=seconds, cpu=cpu, early=early, late=late, bytes=await size())


async def fanout(saver: str, server: str) -> Figures:
    """A step of 200 tasks that do nothing, with durability sync; the best of ten."""

    async def nothing(state: Any) -> Any:
        return {"messages": [ToolMessage("done", tool_call_id=str(state["number"]))]}

    builder = StateGraph(Chat)
    builder.add_node("nothing", nothing)

    def split(state: Chat) -> list[Send]:
        del state
        return [Send("nothing", {"number": one}) for one in range(SENDS)]

    builder.add_conditional_edges(START, split, ["nothing"])
    async with _opened(saver, server) as (opened, _):
        graph, best = builder.compile(checkpointer=opened), list[tuple[float, float]]()
        for number in range(10):
            began = _Clock()
            config: Any = {"configurable": {"thread_id": str(number)}}
            await graph.ainvoke({"messages": []}, config, durability="sync" if opened else None)
            best.append(began.stopped())
    return Figures(seconds=min(best)[0], cpu=min(cpu for _, cpu in best))


async def runs(saver: str, server: str) -> Figures:
    """50 conversations at once, each of four model calls and six tool calls; the best of four."""
    graph = _agent()
    async with _opened(saver, server) as (opened, _):
        compiled, best = graph.compile(checkpointer=opened), list[tuple[float, float]]()
        for batch in range(4):
            began = _Clock()
            configs: list[Any] = [{"configurable": {"thread_id": f"{batch}-{one}"}} for one in range(CONVERSATIONS)]
            await asyncio.gather(*(compiled.ainvoke({"messages": [HumanMessage(_text())]}, one) for one in configs))
            best.append(began.stopped())
    return Figures(seconds=min(best)[0], cpu=min(cpu for _, cpu in best))


async def load(saver: str, server: str) -> Figures:
    """The latest state of a thread of 10,000 messages, of which the process remembers nothing."""
    from trunkline import SQLAlchemySaver

    graph = _chat()
    async with _opened(saver, server) as (opened, _):
        compiled = graph.compile(checkpointer=opened)
        messages = [HumanMessage(_text(), id=str(number)) for number in range(LONG)]
        if opened:
            await compiled.aupdate_state(THREAD, {"messages": messages}, as_node="model")
        if isinstance(opened, SQLAlchemySaver):
            opened.forget()
        began = _Clock()
        if opened:
            await opened.aget_tuple(THREAD)
        seconds, cpu = began.stopped()
    return Figures(seconds=seconds, cpu=cpu)


MEASUREMENTS: dict[str, Callable[[str, str], Any]] = {
    "conversation": conversation,
    "fanout": fanout,
    "runs": runs,
    "load": load,
}


class _Clock:
    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stopped(self) -> tuple[float, float]:
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


_CHANCE = random.Random(1)
_WORDS = ["".join(_CHANCE.choices(string.ascii_lowercase, k=_CHANCE.randint(2, 9))) for _ in range(3000)]


def _text() -> str:
    return " ".join(_CHANCE.choices(_WORDS, k=LETTERS // 4))[:LETTERS]


def _chat() -> StateGraph[Any]:
    async def model(state: Chat) -> Any:
        del state
        return {"messages": [AIMessage(_text())]}

    builder = StateGraph(Chat)
    builder.add_node("model", model)
    builder.add_edge(START, "model")
    builder.add_edge("model", END)
    return builder


def _agent() -> StateGraph[Any]:
    """Three rounds of two tools, then an answer."""

    async def model(state: Chat) -> Any:
        if len(state["messages"]) > 9:
            return {"messages": [AIMessage(_text())]}
        calls: list[Any] = [{"name": "look", "args": {}, "id": f"{len(state['messages'])}-{one}"} for one in range(2)]
        return {"messages": [AIMessage("", tool_calls=calls)]}

    async def tools(call: dict[str, Any]) -> Any:
        return {"messages": [ToolMessage(_text(), tool_call_id=call["id"])]}

    def route(state: Chat) -> Any:
        last = state["messages"][-1]
        return (
            [Send("tools", call) for call in last.tool_calls]
            if isinstance(last, AIMessage) and last.tool_calls
            else END
        )

    builder = StateGraph(Chat)
    builder.add_node("model", model)
    builder.add_node("tools", cast("Any", tools))  # what a Send brings
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", route, ["tools", END])
    builder.add_edge("tools", "model")
    return builder


async def _saver(whose: str, kind: str, url: str, stack: AsyncExitStack) -> Any:
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    from trunkline import SQLAlchemySaver

    match whose, kind:
        case "trunkline", _:
            return await stack.enter_async_context(SQLAlchemySaver.from_conn_string(url))
        case "langgraph", "sqlite":
            return await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(url.removeprefix("sqlite:///")))
        case "langgraph", _:
            return await stack.enter_async_context(AsyncPostgresSaver.from_conn_string(url))
        case _:
            return InMemorySaver() if whose == "memory" else None


@asynccontextmanager
async def _opened(saver: str, server: str) -> AsyncGenerator[Any]:
    """A saver on a database of its own, and how to ask for the database's size."""
    async with AsyncExitStack() as stack:
        whose, _, kind = saver.partition(" ")
        path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "state.db"
        url, size = f"sqlite:///{path}", partial(_size_of_file, path)
        if kind == "postgresql":
            sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
            from stand_ins.databases import postgres_database

            url = stack.enter_context(postgres_database(server))
            size = partial(_size_of_database, url)
        opened = await _saver(whose, kind, url, stack)
        if hasattr(opened, "setup"):
            await opened.setup()
        yield opened, size if kind else _nothing


async def _size_of_file(path: Path) -> int:
    import sqlite3

    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path.stat().st_size  # noqa: ASYNC240 - nothing else runs now


async def _size_of_database(url: str) -> int:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        tables = "SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables"
        found = connection.execute(tables).fetchone()
    return int(found[0]) if found else 0


async def _nothing() -> int:
    return 0


if __name__ == "__main__":
    main()
