"""Pruning to the newest checkpoints: what is kept is what it was."""

import asyncio
import operator
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from stand_ins.checkpoints import at, checkpoint_id, grow, put, values
from trunkline import SQLAlchemySaver
from trunkline.errors import ThreadInUseError
from trunkline.runtime.storage.checkpoints.pruning import prune
from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.queue.locking import Locks
from trunkline.runtime.storage.transactions import Result, Transactions, Work
from trunkline.runtime.storage.url import parse_url
from trunkline.runtime.storage.writer import Writer

THREAD: Any = {"configurable": {"thread_id": "t"}}
Listed = dict[tuple[str, str], Any]


async def listed(saver: SQLAlchemySaver, thread: str = "t", ns: str | None = None) -> Listed:
    """What each checkpoint holds, the oldest first."""
    where: Any = {"configurable": {"thread_id": thread} | ({} if ns is None else {"checkpoint_ns": ns})}
    found = [one async for one in saver.alist(where)][::-1]
    return {
        (one.config.get("configurable", {})["checkpoint_ns"], checkpoint_id(one)): (
            one.checkpoint,
            one.metadata,
            one.pending_writes,
        )
        for one in found
    }


# --- what is kept ---


async def test_the_newest_checkpoints_stay_as_they_were(saver: SQLAlchemySaver, other: SQLAlchemySaver) -> None:
    """More than one step of them goes; another process sees the same, and the thread goes on."""
    last = await grow(saver, "t", 130)
    await saver.aput_writes(last, [("log", "more")], "task")
    before = await listed(other)
    await saver.aprune(["t"], keep_last=3)

    assert await listed(other) == dict(list(before.items())[-3:])
    await grow(other, "t", 2, start=130, parent=last)
    assert len(await listed(saver)) == 5


async def test_pruning_to_more_than_there_is_changes_nothing(saver: SQLAlchemySaver) -> None:
    """Nor does it cut off anybody's parent."""
    await grow(saver, "t", 3)
    before = [one async for one in saver.alist(at())]
    await saver.aprune(["t", "unknown"], keep_last=3)

    assert [one async for one in saver.alist(at())] == before


@pytest.mark.parametrize("keep_last", [0, -1])
async def test_nothing_at_all_is_not_what_one_can_keep(saver: SQLAlchemySaver, keep_last: int) -> None:
    """That is deleting."""
    with pytest.raises(ValueError, match="keep_last"):
        await saver.aprune(["t"], keep_last=keep_last)


PUT = st.tuples(st.just("put"), st.sampled_from(["", "sub", "call:1"]), st.integers(0, 3), st.integers(0, 200))
PRUNE = st.tuples(st.just("prune"), st.just(""), st.integers(1, 4), st.just(0))


@settings(max_examples=20, deadline=None)
@given(steps=st.lists(PUT | PUT | PUT | PRUNE, max_size=25))
def test_whatever_came_before_every_kept_checkpoint_reads_as_before(upgraded_file: Path, steps: list[Any]) -> None:
    """Branches, namespaces, long lists and values that come and go; the newest of the root graph are all there."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(upgraded_file, Path(folder) / "state.db")
        asyncio.run(grown_and_pruned(f"sqlite:///{Path(folder) / 'state.db'}", steps))


async def grown_and_pruned(url: str, steps: list[Any]) -> None:
    async with SQLAlchemySaver.from_conn_string(url, refuse_conflicts=False) as saver:
        lines: dict[str, list[Any]] = {}
        for number, (what, ns, count, size) in enumerate(steps):
            line = lines.setdefault(ns, [])
            if what == "put":
                parent = line[-1 - count] if count < len(line) else at(ns=ns)
                log = [f"{one:050}" for one in range(size)]
                kept = await put(saver, parent, {"log": log, "n": number}, versions={"log": size, "n": number})
                await saver.aput_writes(kept, [("log", number)], "task")
                line.append(kept)
                continue
            before = await listed(saver)
            await saver.aprune(["t"], keep_last=count)
            after = await listed(saver)
            roots = [key for key in before if key[0] == ""]
            assert after == {key: before[key] for key in after}
            assert [key for key in after if key[0] == ""] == roots[-count:]
            lines = {name: [one for one in line if (name, checkpoint_id(one)) in after] for name, line in lines.items()}


# --- LangGraph's programs on a pruned thread ---


class Log(TypedDict):
    log: Annotated[list[str], operator.add]


class Deltas(TypedDict):
    log: Annotated[list[str], DeltaChannel(operator.add, snapshot_frequency=4)]


@pytest.mark.filterwarnings("ignore:.*DeltaChannel.*")
async def test_delta_channels_of_what_is_kept_are_whole(saver: SQLAlchemySaver) -> None:
    """Their ancestors stay, back to a stored value."""

    async def step(state: Deltas) -> Any:
        return {"log": [f"saw {len(state['log'])}"]}

    graph = StateGraph(Deltas).add_node("one", step).add_edge(START, "one").compile(checkpointer=saver)
    for turn in range(8):
        await graph.ainvoke({"log": [f"turn {turn}"]}, THREAD)
    before = [state.values async for state in graph.aget_state_history(THREAD)]
    await saver.aprune(["t"], keep_last=5)
    after = [state.values async for state in graph.aget_state_history(THREAD)]

    assert after[:5] == before[:5]
    assert len(after) < len(before)
    assert (await graph.ainvoke({"log": ["on"]}, THREAD))["log"][:-2] == before[0]["log"]


async def remembering(saver: SQLAlchemySaver, thread: str) -> Any:
    """Three turns of a graph whose subgraph has a memory of its own, and asks a person."""

    async def ask(state: Log) -> Any:
        return {"log": [f"{len(state['log'])}: {interrupt('well?')}"]}

    inner = StateGraph(Log).add_node("ask", ask).add_edge(START, "ask").compile(checkpointer=True)
    graph = StateGraph(Log).add_node("inner", inner).add_edge(START, "inner").compile(checkpointer=saver)
    config: Any = {"configurable": {"thread_id": thread}}
    for turn in ("one", "two", "three"):
        await graph.ainvoke({"log": [turn]}, config)
        await graph.ainvoke(Command(resume=turn), config)
    return graph


async def test_one_can_go_back_to_what_is_kept_with_its_subgraphs(saver: SQLAlchemySaver) -> None:
    """A run from a kept checkpoint ends as on a thread that was not pruned."""
    graph = await remembering(saver, "t")
    await saver.acopy_thread("t", "whole")
    await saver.aprune(["t"], keep_last=4)

    ends: dict[str, Any] = {}
    for thread in ("t", "whole"):
        config: Any = {"configurable": {"thread_id": thread}}
        states = [state async for state in graph.aget_state_history(config)][:4]
        for state in states:
            await graph.ainvoke(None, state.config)
            again = await graph.ainvoke(Command(resume="again"), config) if state.next else None
            ends.setdefault(thread, []).append((state.values, state.next, again))
    assert ends["t"] == ends["whole"]


# --- while somebody writes ---


class Interrupted(Writer):
    """A writer that is never quite fast enough: somebody saves a checkpoint before its next so many transactions."""

    def __init__(self, url: str, saver: SQLAlchemySaver, parent: Any, times: int) -> None:
        self.engine = open_engine(parse_url(url))
        super().__init__(self.engine)
        self.saver, self.parent, self.times, self.saved = saver, parent, times, list[Any]()

    async def write(self, work: Work[Result], *, locks: Locks | None = None) -> Result:
        if self.times:
            self.times -= 1
            version = 1000 + len(self.saved)
            self.saved.append(await put(self.saver, self.parent, {"log": ["text 3 " * 20]}, versions={"log": version}))
        return await super().write(work, locks=locks)


@pytest.fixture
async def grown(saver: SQLAlchemySaver) -> Any:
    """The place of a checkpoint that pruning takes away, with many after it."""
    early = await grow(saver, "t", 5)
    await grow(saver, "t", 120, start=5, parent=early)
    found = await saver.aget_tuple(at(checkpoint_id=checkpoint_id(early)))
    assert found
    return found.config


async def pruned(url: str, saver: SQLAlchemySaver, writer: Interrupted) -> None:
    reads = Transactions(writer.engine, threads=1)
    try:
        async with writer:
            await prune(reads, writer, "t", keep_last=2, codec=saver.codec)
    finally:
        await reads.aclose()
        await writer.engine.dispose()


async def test_what_is_written_while_a_thread_is_pruned_is_not_lost(
    url: str, saver: SQLAlchemySaver, other: SQLAlchemySaver, grown: Any
) -> None:
    """Somebody goes on from a checkpoint that is about to go, with a value that nobody else holds any more."""
    writer = Interrupted(url, other, grown, times=1)
    await pruned(url, saver, writer)

    assert await values(saver, writer.saved[0]) == {"log": ["text 3 " * 20]}
    assert list(await listed(saver))[-1] == ("", checkpoint_id(writer.saved[0]))
    assert len(await listed(saver)) == 2


async def test_a_thread_that_is_written_to_all_the_while_is_left(
    url: str, saver: SQLAlchemySaver, other: SQLAlchemySaver, grown: Any
) -> None:
    """With an error that says so, and everything in place."""
    writer = Interrupted(url, other, grown, times=99)
    with pytest.raises(ThreadInUseError, match="written to all the while"):
        await pruned(url, saver, writer)

    assert len(await listed(saver)) == 125 + len(writer.saved)


async def test_two_processes_may_prune_and_write_at_once(saver: SQLAlchemySaver, other: SQLAlchemySaver) -> None:
    """Whatever the order: every checkpoint that was saved meanwhile is the latest in its turn, and whole."""
    last = await grow(saver, "t", 60)

    async def keep_pruning() -> None:
        for _ in range(10):
            with suppress(ThreadInUseError):
                await other.aprune(["t"], keep_last=200)
                await other.aprune(["u"], keep_last=1)

    await asyncio.gather(grow(saver, "t", 20, start=60, parent=last), grow(saver, "u", 20), keep_pruning())
    assert len(await listed(saver)) == 80
    assert len((await values(other, at("u")) or {})["log"]) == 20
