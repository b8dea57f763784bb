"""The store and the cache of a line, as its graphs find them."""

from typing import Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.memory import InMemoryStore
from langgraph.types import CachePolicy
from pydantic import BaseModel

from stand_ins.embeddings import index
from trunkline import Trunkline


class Order(BaseModel):
    id: int


class State(TypedDict, total=False):
    said: str
    before: list[str]
    order: Order


async def remember(state: State, runtime: Runtime[Any]) -> Any:
    assert runtime.store
    said = state.get("said", "")
    before = await runtime.store.asearch(("said",), query=said)
    await runtime.store.aput(("said",), said, {"text": said})
    return {"before": [item.key for item in before]}


def look_back(state: State, runtime: Runtime[Any]) -> Any:
    """A plain function: LangGraph runs it in a thread."""
    assert runtime.store
    return {"before": [item.key for item in runtime.store.search(("said",))]}


def graph(step: Any, **options: Any) -> StateGraph[Any]:
    builder = StateGraph(State)
    builder.add_node("step", step, **options)
    builder.add_edge(START, "step")
    return builder


async def test_what_one_thread_remembers_another_finds(url: str) -> None:
    """By its meaning; in graphs that are compiled or not, and after the line is opened again."""
    async with Trunkline(url, index=index("text")) as line:
        await line.run(graph(remember), {"said": "a"})
        await line.run(graph(remember).compile(), {"said": "b"})
    async with Trunkline(url, index=index("text")) as line:
        reply = await line.run(graph(remember), {"said": "bba"})
        seen = await line.run(graph(look_back), {})

        assert reply.state["before"] == ["b", "a"]
        assert seen.state["before"] == [item.key for item in await line.store.asearch(())] == ["bba", "b", "a"]


async def test_tenants_have_stores_of_their_own(url: str) -> None:
    """Under one URL."""
    async with Trunkline(url, tenant="one") as one, Trunkline(url, tenant="other") as other:
        await one.run(graph(remember), {"said": "a"})

        assert (await other.run(graph(look_back), {})).state["before"] == []


async def test_a_graph_that_has_a_store_keeps_it(url: str) -> None:
    """The line gives only what is missing."""
    own = InMemoryStore()
    async with Trunkline(url) as line:
        await line.run(graph(remember).compile(store=own), {"said": "a"})

        assert [item.key for item in own.search(())] == ["a"]
        assert await line.store.asearch(()) == []


async def test_a_nodes_result_is_cached_on_the_line_where_it_asks_for_it(url: str) -> None:
    """With the types that its graph's state is declared with, and over the line's end."""
    runs: list[int] = []

    def order(state: State) -> State:
        runs.append(1)
        return {"order": Order(id=len(state.get("said", "")))}

    for _ in range(2):
        async with Trunkline(url) as line:
            reply = await line.run(graph(order, cache_policy=CachePolicy()), {"said": "abc"})
            assert reply.state["order"] == Order(id=3)

    assert len(runs) == 1
