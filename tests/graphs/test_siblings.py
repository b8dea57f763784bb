"""What LangGraph's config tells of the tasks of a superstep: holds for the versions that the project allows."""

import asyncio
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Send

from trunkline.graphs.siblings import siblings_of


async def seen(count: int, settings: RunnableConfig) -> list[list[Any]]:
    """The inputs of the siblings that each of `count` tasks sees; the last but one ends before the last looks."""
    known: dict[int, list[Any]] = {}

    async def look(number: int, config: RunnableConfig) -> None:
        siblings = siblings_of(config)
        if 0 < number == count - 1:
            early = next((future for future, given in siblings if given == number - 1), None)
            await asyncio.wait([early] if early else [asyncio.create_task(asyncio.sleep(0))])
            siblings = siblings_of(config)
        known[number] = [given for _, given in siblings]

    def spread(_: Any) -> list[Send]:
        return [Send("look", number) for number in range(count)]

    builder: Any = StateGraph(MessagesState)
    builder.add_node("look", look)
    builder.add_conditional_edges(START, spread, ["look"])
    await builder.compile().ainvoke({"messages": []}, settings)
    return [known[number] for number in range(count)]


async def test_a_task_sees_those_that_run_beside_it() -> None:
    """With their inputs, in order, itself among them, and no longer those that have ended."""
    first, second, last = await seen(3, {})

    assert first == second == [0, 1, 2]
    assert (1 in last, 2 in last) == (False, True)


async def test_a_task_alone_sees_at_most_itself() -> None:
    """Nobody is waited for."""
    [only] = await seen(1, {})

    assert only in ([], [0])


async def test_with_a_limit_of_langgraphs_own_nobody_is_waited_for() -> None:
    """The others may not start before this one ends."""
    assert await seen(3, {"max_concurrency": 1}) == [[], [], []]


def test_outside_a_task_there_is_nothing_to_read() -> None:
    """Nothing is guessed."""
    with pytest.raises(KeyError):
        siblings_of({})
