"""Types of one's own in a graph's state, on a line."""

from dataclasses import dataclass
from typing import Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph
from pydantic import BaseModel

from trunkline import Trunkline
from trunkline.errors import RunFailedError


@dataclass
class Line:
    sku: str


@dataclass
class Receipt:
    number: int


class Order(BaseModel):
    lines: list[Line]


class State(TypedDict, total=False):
    order: Order
    note: Any


def graph(note: Any) -> StateGraph[Any]:
    def step(state: State) -> Any:
        return {"order": Order(lines=[Line("lamp")]), "note": note}

    builder = StateGraph(State)
    builder.add_node("step", step)
    builder.add_edge(START, "step")
    return builder


@pytest.mark.parametrize("compiled", [False, True])
async def test_types_that_the_state_declares_need_no_word(url: str, compiled: bool) -> None:
    """In a graph that is compiled or not; they come back as what they are."""
    built = graph("fine")
    async with Trunkline(url) as line:
        await line.run(built.compile() if compiled else built, {}, thread="t")
        reply = await line.run(built, {}, thread="t")

    assert reply.state["order"] == Order(lines=[Line("lamp")])


async def test_a_type_that_it_does_not_declare_is_refused(url: str) -> None:
    """The run fails and says which."""
    async with Trunkline(url) as line:
        with pytest.raises(RunFailedError, match=r"holds a .*Receipt, which is not allowed in checkpoints"):
            await line.run(graph(note={"deep": Receipt(1)}), {})
