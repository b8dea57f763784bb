"""What every LangGraph store does: ours on both databases, and LangGraph's own in memory beside it."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from typing import Any

import pytest
from langgraph.store.base import (
    BaseStore,
    GetOp,
    InvalidNamespaceError,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    SearchOp,
)
from langgraph.store.memory import InMemoryStore

from stand_ins.embeddings import cosine, index
from trunkline import SQLAlchemyStore

pytestmark = pytest.mark.parametrize("backend", ["sqlite", "postgresql", "reference"])

FRUIT = ("shop", "fruit")


@pytest.fixture
def place(backend: str, request: pytest.FixtureRequest) -> str | None:
    """The URL of a database; None for the reference."""
    return None if backend == "reference" else request.getfixturevalue("url")


@pytest.fixture
async def any_store(place: str | None) -> AsyncGenerator[BaseStore]:
    if place is None:
        yield InMemoryStore(index=index("text", "tags[*]"))
    else:
        async with SQLAlchemyStore.from_conn_string(place, index=index("text", "tags[*]")) as opened:
            yield opened


async def fill(store: BaseStore, **values: Any) -> None:
    for key, value in values.items():
        await store.aput(FRUIT, key, value)


def keys(found: Iterable[Item]) -> list[str]:
    return sorted(item.key for item in found)


# --- items ---


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"none": None, "no": False, "zero": 0, "half": 0.5, "big": 2**70, "empty": ""},
        {"deep": [{"er": [1, [2]]}]},
        {"": {"a.b": 1, '"': "\\"}},
        {"text": "žluťoučký 🐎 \x00 \ud800 \u2028"},
        {"long": "x" * 100_000},
    ],
    ids=range(6),
)
async def test_a_value_comes_back_as_it_was(any_store: BaseStore, value: dict[str, Any]) -> None:
    """Whatever JSON it is."""
    await any_store.aput(FRUIT, "apple", value, index=False)
    found = await any_store.aget(FRUIT, "apple")

    assert found
    assert (found.value, found.key, found.namespace) == (value, "apple", FRUIT)
    assert found.created_at.tzinfo
    assert found.updated_at.tzinfo


async def test_what_is_not_there_is_none(any_store: BaseStore) -> None:
    """Neither under another key nor in a namespace above or below; and what was deleted, or never was, may be."""
    await fill(any_store, apple={})
    for namespace, key in [(FRUIT, "pear"), (FRUIT[:1], "apple"), ((*FRUIT, "x"), "apple")]:
        assert await any_store.aget(namespace, key) is None
    await any_store.adelete(FRUIT, "apple")
    await any_store.adelete(FRUIT, "apple")

    assert await any_store.aget(FRUIT, "apple") is None
    assert await any_store.asearch(FRUIT) == []


async def test_names_are_kept_to_the_letter(any_store: BaseStore) -> None:
    """Case, spaces, and what SQL has a meaning for."""
    names = ["a", "A", "a ", "a%", "a_", "ab", "'a'", "ä", "a\u0308", "*"]
    await any_store.abatch([PutOp((name,), name, {"n": name}) for name in names])

    for name in names:
        assert [item.value for item in await any_store.asearch((name,))] == [{"n": name}]
    assert await any_store.alist_namespaces() == sorted((name,) for name in names)


@pytest.mark.parametrize("namespace", [(), ("langgraph",), ("a.b",), ("",), ("a", "\0")])
async def test_a_namespace_that_cannot_be_is_refused(any_store: BaseStore, namespace: tuple[str, ...]) -> None:
    """As LangGraph says."""
    with pytest.raises(InvalidNamespaceError):
        await any_store.aput(namespace, "key", {})


# --- batches ---


async def test_a_batch_reads_what_was_there_before_it(any_store: BaseStore) -> None:
    """And its results have the order of its operations."""
    await fill(any_store, apple={"n": 1})
    ops: list[Op] = [
        PutOp(FRUIT, "apple", {"n": 2}),
        GetOp(FRUIT, "apple"),
        PutOp(("other",), "pear", {"n": 3}),
        ListNamespacesOp(),
        SearchOp(FRUIT),
        GetOp(FRUIT, "none"),
        GetOp(FRUIT, "apple"),
    ]
    put, got, _, listed, found, none, again = await any_store.abatch(ops)

    assert (put, none, listed, keys(found)) == (None, None, [FRUIT], ["apple"])  # type: ignore[arg-type]
    assert [one.value for one in (got, again, *found)] == [{"n": 1}] * 3  # type: ignore[union-attr, misc]
    assert keys(await any_store.asearch(())) == ["apple", "pear"]


async def test_of_several_writes_to_a_key_the_last_one_counts(any_store: BaseStore) -> None:
    """Also where one of them deletes."""
    await any_store.abatch(
        [
            PutOp(FRUIT, "apple", {"n": 1}),
            PutOp(FRUIT, "pear", {"n": 1}),
            PutOp(FRUIT, "apple", {"n": 2}),
            PutOp(FRUIT, "pear", None),
            PutOp(FRUIT, "plum", None),
            PutOp(FRUIT, "plum", {"n": 3}),
        ]
    )

    assert {item.key: item.value["n"] for item in await any_store.asearch(FRUIT)} == {"apple": 2, "plum": 3}


async def test_an_empty_batch_gives_nothing(any_store: BaseStore) -> None:
    """No transaction, no results."""
    assert await any_store.abatch([]) == []


async def test_a_store_works_from_a_thread(any_store: BaseStore) -> None:
    """As nodes that are plain functions use it."""

    def work() -> list[Any]:
        any_store.put(FRUIT, "apple", {"text": "abc"})
        any_store.put(FRUIT, "pear", {"text": "def"})
        any_store.delete(FRUIT, "pear")
        return [any_store.get(FRUIT, "apple"), any_store.search((), query="abc"), any_store.list_namespaces()]

    item, found, namespaces = await asyncio.to_thread(work)
    assert (item.value, keys(found), namespaces) == ({"text": "abc"}, ["apple"], [FRUIT])


# --- filters ---

PEOPLE: dict[str, dict[str, Any]] = {
    "ann": {"age": 9, "city": "Oslo", "tags": ["a", "b"], "job": {"title": "cook", "level": 2}},
    "bob": {"age": 10, "city": "oslo", "tags": ["a"], "job": None},
    "eve": {"age": 10.5, "city": "100%", "tags": [], "job": {"title": "cook"}},
    "kim": {"age": 0, "city": 'a"b\\', "vip": True},
}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, "ann bob eve kim"),
        ({"city": "Oslo"}, "ann"),
        ({"city": "100%"}, "eve"),
        ({"city": 'a"b\\'}, "kim"),
        ({"age": 10}, "bob"),
        ({"age": 10.0}, "bob"),
        ({"vip": True}, "kim"),
        ({"vip": None}, "ann bob eve"),
        ({"age": {"$gt": 9}}, "bob eve"),
        ({"age": {"$gte": 9, "$lt": 10.5}}, "ann bob"),
        ({"age": {"$lte": 9}, "city": {"$ne": "Oslo"}}, "kim"),
        ({"age": {"$gt": "9"}}, "bob eve"),
        ({"city": {"$eq": "oslo"}}, "bob"),
        ({"vip": {"$ne": True}}, "ann bob eve"),
        ({"tags": ["a"]}, "bob"),
        ({"tags": ["a", "b"]}, "ann"),
        ({"job": {"title": "cook"}}, "ann eve"),
        ({"job": {"title": "cook", "level": {"$eq": 2}}}, "ann"),
        ({"job": {}}, "ann eve"),
        ({"job": {"title": {"$ne": "cook"}}}, ""),
        ({"nothing": "here"}, ""),
    ],
    ids=str,
)
async def test_a_filter_finds_the_values_that_are_so(any_store: BaseStore, wanted: dict[str, Any], found: str) -> None:
    """Numbers compare as numbers, dictionaries by what is named, lists as a whole."""
    await fill(any_store, **PEOPLE)

    assert keys(await any_store.asearch(("shop",), filter=wanted)) == found.split()


async def test_an_operator_that_there_is_not_is_refused(any_store: BaseStore) -> None:
    """Not taken for a value."""
    await fill(any_store, **PEOPLE)
    with pytest.raises(ValueError, match=r"\$like"):
        await any_store.asearch((), filter={"city": {"$like": "O%"}})


# --- search ---


@pytest.mark.parametrize("wanted", [None, {"even": 0}, {"even": {"$gte": 0}}], ids=["all", "some", "each"])
async def test_pages_of_a_search_are_the_whole(any_store: BaseStore, wanted: dict[str, Any] | None) -> None:
    """Nothing comes twice, nothing is left out, and there is an end."""
    await any_store.abatch([PutOp(("page", str(n)), f"k{n}", {"even": n % 2}) for n in range(25)])
    pages = [await any_store.asearch(("page",), filter=wanted, limit=7, offset=offset) for offset in range(0, 35, 7)]
    whole = await any_store.asearch(("page",), filter=wanted, limit=100)

    assert [item for page in pages for item in page] == whole
    assert len(whole) == (13 if wanted == {"even": 0} else 25)


async def test_a_search_stays_under_its_prefix(any_store: BaseStore) -> None:
    """Labels count, not their beginnings."""
    for namespace in [("a",), ("a", "b"), ("a", "b", "c"), ("ab",), ("a-b",), ("a/",), ("A",), ("b", "a")]:
        await any_store.aput(namespace, "/".join(namespace), {})

    assert keys(await any_store.asearch(("a",))) == ["a", "a/b", "a/b/c"]
    assert keys(await any_store.asearch(("a", "b"))) == ["a/b", "a/b/c"]
    assert len(await any_store.asearch(())) == 8


# --- namespaces ---

NAMESPACES = [("a", "b", "c"), ("a", "b", "d", "e"), ("a", "b", "d", "i"), ("a", "b", "f"), ("a", "c", "f"), ("b", "c")]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, NAMESPACES),
        ({"prefix": ("a", "b")}, NAMESPACES[:4]),
        ({"prefix": ("a", "*", "f")}, NAMESPACES[3:5]),
        ({"prefix": ("*", "c")}, NAMESPACES[4:]),
        ({"suffix": ("f",)}, NAMESPACES[3:5]),
        ({"suffix": ("d", "*")}, NAMESPACES[1:3]),
        ({"prefix": ("a",), "suffix": ("c",)}, NAMESPACES[:1]),
        ({"prefix": ("a", "b"), "max_depth": 3}, [("a", "b", "c"), ("a", "b", "d"), ("a", "b", "f")]),
        ({"max_depth": 1}, [("a",), ("b",)]),
        ({"limit": 2, "offset": 3}, NAMESPACES[3:5]),
        ({"prefix": ("a", "b", "c", "d", "e", "f")}, []),
    ],
    ids=str,
)
async def test_namespaces_are_listed(any_store: BaseStore, asked: dict[str, Any], found: list[tuple[str, ...]]) -> None:
    """In order, by how they begin and end, down to a depth, a page at a time."""
    await any_store.abatch([PutOp(namespace, "key", {}) for namespace in reversed(NAMESPACES)])

    assert await any_store.alist_namespaces(**asked) == found


async def test_several_conditions_on_namespaces_hold_together(any_store: BaseStore) -> None:
    """Two of one kind as well."""
    await any_store.abatch([PutOp(namespace, "key", {}) for namespace in NAMESPACES])
    conditions = (MatchCondition("prefix", ("*", "b")), MatchCondition("prefix", ("a", "*", "d")))

    assert await any_store.abatch([ListNamespacesOp(conditions)]) == [NAMESPACES[1:3]]


# --- search by meaning ---


async def test_what_is_near_in_meaning_comes_first(any_store: BaseStore) -> None:
    """Scored by the cosine, among what the filter lets through."""
    texts = {"one": "aab", "two": "abb", "three": "abbbc", "four": "ccc"}
    await fill(any_store, **{key: {"text": text, "n": n} for n, (key, text) in enumerate(texts.items())})
    found = await any_store.asearch(FRUIT, query="aaa", filter={"n": {"$ne": 1}}, limit=2)

    assert [item.key for item in found] == ["one", "three"]
    assert [item.score for item in found] == pytest.approx([cosine("aaa", "aab"), cosine("aaa", "abbbc")], abs=1e-6)


async def test_an_item_counts_once_by_its_nearest_text(any_store: BaseStore) -> None:
    """However many it has."""
    await fill(any_store, list={"tags": ["a", "b", "abc"], "text": "h"}, text={"text": "aab"})
    found = await any_store.asearch((), query="b")

    assert [(item.key, item.score) for item in found] == [
        ("list", pytest.approx(1.0, abs=1e-6)),
        ("text", pytest.approx(cosine("b", "aab"), abs=1e-6)),
    ]


async def test_a_put_may_choose_its_own_fields(any_store: BaseStore) -> None:
    """With paths into the value."""
    await any_store.aput(FRUIT, "own", {"text": "a", "deep": [{"er": "b"}, {"er": "c"}]}, index=["deep[-1].er"])
    await any_store.aput(FRUIT, "usual", {"text": "b"})
    found = await any_store.asearch((), query="c")

    assert [(item.key, item.score) for item in found] == [("own", pytest.approx(1.0)), ("usual", 0.0)]


async def test_pages_of_the_nearest_go_on_where_the_last_ended(any_store: BaseStore) -> None:
    """Ranked by nearness throughout."""
    await fill(any_store, **{f"k{n}": {"text": "a" * n + "b"} for n in range(1, 9)})
    pages = [await any_store.asearch(FRUIT, query="a", limit=3, offset=offset) for offset in (0, 3, 6)]

    assert [item.key for page in pages for item in page] == [f"k{n}" for n in range(8, 0, -1)]


async def test_what_is_deleted_is_not_found_by_its_meaning(any_store: BaseStore) -> None:
    """Its vectors go with it, also when its key is used again."""
    await fill(any_store, apple={"text": "aaa"})
    await any_store.adelete(FRUIT, "apple")
    assert await any_store.asearch((), query="aaa") == []
    await fill(any_store, apple={"text": "bbb"})

    assert [item.score for item in await any_store.asearch((), query="aaa")] == [0.0]
