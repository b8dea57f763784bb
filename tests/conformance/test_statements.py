"""How many statements a checkpoint costs, however long the thread is."""

import asyncio
from collections.abc import Mapping

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

from stand_ins.checkpoints import at, put
from stand_ins.statements import counted
from trunkline import SQLAlchemySaver

COSTS: Mapping[str, Mapping[str, int]] = {
    "postgresql": {"read": 1, "save": 1, "write": 1},
    # each with a BEGIN; a checkpoint is the thread's row, its items, the checkpoint, and the thread's row again
    "sqlite": {"read": 2, "save": 5, "write": 3},
}


@pytest.mark.parametrize("length", [2, 100, 2000])
async def test_a_turn_costs_as_many_statements_however_long_the_conversation_is(
    saver: SQLAlchemySaver, backend: str, length: int
) -> None:
    """One statement each on PostgreSQL, and no transaction around it."""
    said: list[AnyMessage] = [HumanMessage(f"message {number} " * 5, id=str(number)) for number in range(length)]
    where = await put(saver, at(), {"messages": said}, versions={"messages": 1})
    costs = dict[str, int]()
    with counted("before_cursor_execute") as statements:
        found = await saver.aget_tuple(at())
        costs["read"] = len(statements)
        assert found
        said = [*found.checkpoint["channel_values"]["messages"], AIMessage("an answer " * 5, id="answer")]
        where = await put(saver, where, {"messages": said}, versions={"messages": 2})
        costs["save"] = len(statements) - costs["read"]
        await saver.aput_writes(where, [("messages", said[-1])], "task")
        costs["write"] = len(statements) - costs["read"] - costs["save"]

    assert costs == COSTS[backend]


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_many_threads_are_saved_in_one_statement(saver: SQLAlchemySaver) -> None:
    """When they are ready together."""
    places = [await put(saver, at(f"thread {number}"), {"a": "x" * 100}) for number in range(20)]
    with counted("before_cursor_execute") as statements:
        await asyncio.gather(*(put(saver, place, {"a": "y" * 100}, versions={"a": 2}) for place in places))

    assert len(statements) == 1
