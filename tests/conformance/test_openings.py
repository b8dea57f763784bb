"""The beginnings of runs that Trunkline conducts: the input is committed with the checkpoint of the first node."""

import asyncio
from typing import Any, cast

import pytest
from langchain_core.runnables import RunnableConfig

from stand_ins.checkpoints import at, put, values
from stand_ins.statements import counted
from trunkline import SQLAlchemySaver
from trunkline.agents import Models
from trunkline.errors import ThreadConflictError
from trunkline.graphs.scope import Scope, with_scope

SCOPE = Scope(run_id="r", thread_id="t", executor=cast("Any", None), models=Models({}))
INPUT = {"source": "input", "step": -1}
START = "~__pregel_pull, __start__"


def conducted(config: RunnableConfig) -> RunnableConfig:
    """Return the config as a run of Trunkline's has it."""
    return {"configurable": with_scope(dict(config.get("configurable", {})), SCOPE)}


async def begin(saver: SQLAlchemySaver) -> RunnableConfig:
    """Hand over the input of a run and what `__start__` makes of it."""
    given = conducted(await put(saver, conducted(at()), {"__start__": "hello"}, metadata=INPUT))
    await saver.aput_writes(given, [("a", "hello")], "task", START)
    return given


async def test_a_run_begins_with_one_commit(saver: SQLAlchemySaver, other: SQLAlchemySaver) -> None:
    """When the checkpoint of the first node is saved, all that led to it is."""
    with counted("commit") as commits:
        given = await begin(saver)
        await put(saver, given, {"a": "hello"}, metadata={"step": 0})
    before = await other.aget_tuple(given)

    assert len(commits) == 1
    assert await values(other, at()) == {"a": "hello"}
    assert before
    assert before.pending_writes == [("task", "a", "hello")]


async def test_who_reads_the_thread_finds_its_beginning(saver: SQLAlchemySaver) -> None:
    """Whoever asks the saver that keeps it back waits for it."""
    await begin(saver)

    assert await values(saver, at()) == {"__start__": "hello"}


async def test_a_beginning_that_nothing_follows_is_saved_all_the_same(
    saver: SQLAlchemySaver, other: SQLAlchemySaver
) -> None:
    """As in a graph without `__start__`, whose first step may take long."""
    await begin(saver)

    async with asyncio.timeout(10):
        while await values(other, at()) is None:  # noqa: ASYNC110 - it comes over the database
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_beginning_is_saved_when_the_saver_is_closed(url: str, other: SQLAlchemySaver) -> None:
    """Nothing that was handed over is lost."""
    async with SQLAlchemySaver.from_conn_string(url) as saver:
        await begin(saver)

    assert await values(other, at()) == {"__start__": "hello"}


async def test_what_goes_on_from_a_beginning_that_is_refused_is_refused_too(
    saver: SQLAlchemySaver, other: SQLAlchemySaver
) -> None:
    """Another run has begun the thread meanwhile: the loser hears of it, and nothing of it is saved."""
    await put(other, at(), {"a": "theirs"}, metadata=INPUT)
    given = await begin(saver)

    with pytest.raises(ThreadConflictError):
        await put(saver, given, {"a": "hello"}, metadata={"step": 0})
    assert await values(other, at()) == {"a": "theirs"}
    assert len([one async for one in other.alist(at())]) == 1
