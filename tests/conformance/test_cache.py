"""What a LangGraph cache does: ours on both databases, and LangGraph's own in memory beside it."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.cache.base import BaseCache
from langgraph.cache.memory import InMemoryCache
from langgraph.graph import START, StateGraph
from langgraph.types import CachePolicy

from trunkline import ManualClock, SQLAlchemyCache
from trunkline.errors import StateNotOpenError, TypeNotAllowedError

on_all = pytest.mark.parametrize("backend", ["sqlite", "postgresql", "reference"])
NAMES = [(("a", "b"), "k"), (("a.b",), "k"), (("a",), "b"), ((), "k"), (("a", "b"), "K")]


@pytest.fixture
def place(backend: str, request: pytest.FixtureRequest) -> str | None:
    """The URL of a database; None for the reference."""
    return None if backend == "reference" else request.getfixturevalue("url")


@pytest.fixture
async def any_cache(place: str | None) -> AsyncGenerator[BaseCache[Any]]:
    if place is None:
        yield InMemoryCache()
    else:
        async with SQLAlchemyCache[Any].from_conn_string(place) as opened:
            yield opened


@on_all
async def test_each_key_has_its_value(any_cache: BaseCache[Any]) -> None:
    """Namespaces are their labels, and keys are kept to the letter; what is not there is left out."""
    await any_cache.aset({name: (n, None) for n, name in enumerate(NAMES)})

    assert await any_cache.aget([*NAMES, (("x",), "k")]) == {name: n for n, name in enumerate(NAMES)}
    assert await any_cache.aget([]) == {}


@on_all
@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, None),
        (False, False),
        (b"\0", b"\0"),
        ({"a": [1.5]}, {"a": [1.5]}),
        ([("channel", HumanMessage("hi", id="1"))], [["channel", HumanMessage("hi", id="1")]]),
    ],
    ids=repr,
)
async def test_a_value_comes_back_as_it_was(any_cache: BaseCache[Any], value: Any, found: Any) -> None:
    """A None is not nothing. A tuple in a list comes back as a list, as in LangGraph's own."""
    await any_cache.aset({NAMES[0]: (value, None)})

    assert await any_cache.aget(NAMES[:1]) == {NAMES[0]: found}


@on_all
async def test_namespaces_are_cleared_alone_or_all_at_once(any_cache: BaseCache[Any]) -> None:
    """Exactly those that are named; an empty list names none."""
    await any_cache.aset(dict.fromkeys(NAMES, (0, None)))
    await any_cache.aclear([("a", "b"), ("x",)])
    await any_cache.aclear([])
    assert list(await any_cache.aget(NAMES)) == NAMES[1:4]
    await any_cache.aclear()

    assert await any_cache.aget(NAMES) == {}


@on_all
async def test_a_cache_works_from_a_thread(any_cache: BaseCache[Any]) -> None:
    """As `invoke` uses it."""

    def work() -> list[Any]:
        any_cache.set({NAMES[0]: (1, None)})
        found = any_cache.get(NAMES)
        any_cache.clear()
        return [found, any_cache.get(NAMES)]

    assert await asyncio.to_thread(work) == [{NAMES[0]: 1}, {}]


async def test_a_value_lives_so_many_seconds(cache: SQLAlchemyCache[Any], clock: ManualClock) -> None:
    """From when it was last set. Then it is gone, and a sweep deletes its row."""
    await cache.aset({name: (n, 10) for n, name in enumerate(NAMES)})
    await clock.advance(9)
    await cache.aset({NAMES[0]: (7, 10), NAMES[1]: (8, None)})
    await clock.advance(1)

    assert await cache.aget(NAMES) == {NAMES[0]: 7, NAMES[1]: 8}
    assert [await cache.sweep_ttl(), await cache.sweep_ttl()] == [3, 0]


async def test_tenants_do_not_see_each_others_values(url: str) -> None:
    """Nor clear them."""
    async with (
        SQLAlchemyCache[Any].from_conn_string(url, tenant="a") as one,
        SQLAlchemyCache[Any].from_conn_string(url, tenant="b") as other,
    ):
        await one.aset({NAMES[0]: (1, None)})
        await other.aclear()

        assert (await other.aget(NAMES), await one.aget(NAMES)) == ({}, {NAMES[0]: 1})


async def test_caches_that_set_the_same_keys_wait_for_each_other(url: str) -> None:
    """Whatever their order; one of the values stays."""
    async with SQLAlchemyCache[Any].from_conn_string(url) as one, SQLAlchemyCache[Any].from_conn_string(url) as other:
        for _ in range(10):
            await asyncio.gather(
                one.aset(dict.fromkeys(NAMES, ("one", None))),
                other.aset(dict.fromkeys(NAMES[::-1], ("other", None))),
            )

        assert set((await one.aget(NAMES)).values()) < {"one", "other"}


# --- types ---


@dataclass
class Order:
    id: int


async def test_a_type_that_is_not_allowed_is_refused_by_name(url: str) -> None:
    """When it is set; and when it is read by a cache that does not allow it."""
    async with SQLAlchemyCache[Any].from_conn_string(url) as strict:
        with pytest.raises(
            TypeNotAllowedError, match=r"holds a .*Order, which is not allowed.*allowed_types=\[Order\]"
        ):
            await strict.aset({NAMES[0]: (Order(1), None)})
        async with SQLAlchemyCache[Any].from_conn_string(url, allowed_types=[Order]) as allowing:
            await allowing.aset({NAMES[0]: (Order(1), None)})
            assert await allowing.aget(NAMES) == {NAMES[0]: Order(1)}
        with pytest.raises(TypeNotAllowedError):
            await strict.aget(NAMES)


async def test_a_cache_must_be_open(url: str) -> None:
    """And its blocking methods say where they cannot be used."""
    async with SQLAlchemyCache[Any].from_conn_string(url) as cache:
        with pytest.raises(StateNotOpenError, match="this SQLAlchemyCache was called with a blocking method"):
            cache.get(NAMES)
    with pytest.raises(StateNotOpenError, match="this SQLAlchemyCache is not open"):
        await cache.aget(NAMES)


# --- graphs ---


class State(TypedDict):
    asked: str
    answer: NotRequired[AIMessage]


class Shop:
    """A graph whose only node counts how often it runs."""

    def __init__(self, seconds: int | None) -> None:
        self.runs = 0
        builder = StateGraph(State)
        builder.add_node("reply", self.reply, cache_policy=CachePolicy(ttl=seconds))
        builder.add_edge(START, "reply")
        self.builder: StateGraph[State, Any, Any, Any] = builder

    def reply(self, state: State) -> dict[str, Any]:
        self.runs += 1
        return {"answer": AIMessage(state["asked"].upper(), id="1")}


@on_all
async def test_a_node_with_a_cache_policy_runs_once_for_an_input(any_cache: BaseCache[Any]) -> None:
    """With `ainvoke`, and with `invoke` in a thread."""
    shop = Shop(None)
    graph = shop.builder.compile(cache=any_cache)
    first = await graph.ainvoke({"asked": "a"})
    again = [await graph.ainvoke({"asked": "a"}), await asyncio.to_thread(lambda: graph.invoke({"asked": "a"}))]
    await graph.ainvoke({"asked": "b"})

    assert again == [first, first]
    assert shop.runs == 2


async def test_a_node_runs_again_when_its_result_has_expired(cache: SQLAlchemyCache[Any], clock: ManualClock) -> None:
    """By the cache's clock."""
    shop = Shop(60)
    graph = shop.builder.compile(cache=cache)
    for _ in range(4):
        await graph.ainvoke({"asked": "a"})
        await clock.advance(31)

    assert shop.runs == 2
