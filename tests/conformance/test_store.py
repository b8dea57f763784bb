"""What our store promises beyond what every LangGraph store does."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.base import PutOp, TTLConfig
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from stand_ins.embeddings import index
from trunkline import ManualClock, SQLAlchemyStore
from trunkline.errors import DatabaseUrlError, StateNotOpenError, StoreIndexError, StoreItemError
from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.memory_tables import MemoryItemRow, MemoryVectorRow
from trunkline.runtime.storage.url import parse_url

FRUIT = ("shop", "fruit")


async def count(url: str, table: Any) -> int:
    engine = open_engine(parse_url(url))
    async with engine.connect() as connection:
        rows = await connection.scalar(select(func.count()).select_from(table))
    await engine.dispose()
    return rows or 0


# --- items ---


async def test_an_item_outlives_its_store(url: str) -> None:
    """It is in the database when the method has returned."""
    async with SQLAlchemyStore.from_conn_string(url) as one, SQLAlchemyStore.from_conn_string(url) as other:
        await one.aput(FRUIT, "apple", {"n": 1})
        found = await other.aget(FRUIT, "apple")

        assert found
        assert found == await one.aget(FRUIT, "apple")


async def test_an_item_that_is_written_again_keeps_when_it_was_created(
    store: SQLAlchemyStore, clock: ManualClock
) -> None:
    """And tells when it was written last."""
    created = clock.now()
    await store.aput(FRUIT, "apple", {"n": 1})
    await clock.advance(60)
    await store.aput(FRUIT, "apple", {"n": 2})
    found = await store.aget(FRUIT, "apple")

    assert found
    assert (found.created_at, found.updated_at) == (created, created + timedelta(minutes=1))


async def test_a_search_begins_with_what_was_written_last(store: SQLAlchemyStore, clock: ManualClock) -> None:
    """As in LangGraph's stores on databases."""
    for key in ("a", "b", "c", "a"):
        await store.aput(FRUIT, key, {})
        await clock.advance(1)

    assert [item.key for item in await store.asearch(FRUIT)] == ["a", "c", "b"]


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("k", {"at": timedelta()}, "timedelta is not JSON"),
        ("k", {"n": float("nan")}, "not JSON compliant"),
        ("a\0b", {}, "NUL"),
    ],
)
async def test_what_cannot_be_kept_is_refused_before_anything_is_written(
    store: SQLAlchemyStore, key: str, value: dict[str, Any], problem: str
) -> None:
    """By its name, and not turned into something else."""
    with pytest.raises(StoreItemError, match=problem):
        await store.abatch([PutOp(FRUIT, "fine", {}), PutOp(FRUIT, key, value)])
    assert await store.asearch(()) == []


async def test_tenants_do_not_see_each_others_items(url: str) -> None:
    """Neither to read nor to replace, delete or sweep them."""
    async with (
        SQLAlchemyStore.from_conn_string(url, tenant="a", index=index()) as one,
        SQLAlchemyStore.from_conn_string(url, tenant="b", index=index()) as other,
    ):
        await one.aput(FRUIT, "apple", {"n": "a"}, ttl=0)
        await other.adelete(FRUIT, "apple")
        assert await other.alist_namespaces() == await other.asearch((), query="a") == []
        await other.aput(FRUIT, "apple", {"n": "b"})

        assert (await other.sweep_ttl(), await one.sweep_ttl()) == (0, 1)
        assert [item.value for item in await other.asearch((), query="a")] == [{"n": "b"}]


async def test_texts_that_compare_are_no_numbers(store: SQLAlchemyStore) -> None:
    """Days, for one; and what cannot be compared is not found, rather than an error."""
    await store.abatch([PutOp(FRUIT, day, {"day": day}) for day in ("2026-01-09", "2026-01-10")])
    await store.aput(FRUIT, "other", {"day": {"of": "judgement"}})

    assert [item.key for item in await store.asearch((), filter={"day": {"$gt": "2026-01-09"}})] == ["2026-01-10"]
    assert await store.asearch((), filter={"day": {"$gt": 5}}) == []


# --- time to live ---


@pytest.mark.parametrize(("refresh", "alive"), [(True, True), (False, False)])
@pytest.mark.parametrize("read", ["get", "search"])
async def test_an_item_lives_on_when_it_is_read(
    store: SQLAlchemyStore, clock: ManualClock, read: str, refresh: bool, alive: bool
) -> None:
    """Unless the reader does not want to refresh it. Minutes count from the last write or read."""
    await store.aput(FRUIT, "apple", {}, ttl=2)
    await clock.advance(90)
    match read:
        case "get":
            assert await store.aget(FRUIT, "apple", refresh_ttl=refresh)
        case _:
            assert await store.asearch((), refresh_ttl=refresh)
    await clock.advance(90)

    assert bool(await store.aget(FRUIT, "apple")) is alive


async def test_an_item_that_has_expired_is_gone_at_once(store: SQLAlchemyStore, clock: ManualClock, url: str) -> None:
    """From reads, searches and namespaces; a sweep deletes its row."""
    await store.aput(FRUIT, "apple", {}, ttl=0.5)
    await store.aput(("for", "ever"), "pear", {})
    await clock.advance(30)

    assert await store.aget(FRUIT, "apple") is None
    assert [item.key for item in await store.asearch(())] == ["pear"]
    assert await store.alist_namespaces() == [("for", "ever")]
    assert (await count(url, MemoryItemRow), await store.sweep_ttl(), await store.sweep_ttl()) == (2, 1, 0)
    assert await count(url, MemoryItemRow) == 1


async def test_an_item_may_be_seen_until_it_is_swept(url: str, clock: ManualClock) -> None:
    """`omit_expired=False`, LangGraph's own default."""
    ttl: TTLConfig = {"omit_expired": False, "refresh_on_read": False, "default_ttl": 1}
    async with SQLAlchemyStore.from_conn_string(url, ttl=ttl, clock=clock) as store:
        await store.aput(FRUIT, "apple", {})
        await store.aput(FRUIT, "pear", {}, ttl=None)
        await clock.advance(61)
        seen = [item.key for item in await store.asearch(())]
        await store.sweep_ttl()

        assert sorted(seen) == ["apple", "pear"]
        assert [item.key for item in await store.asearch(())] == ["pear"]


async def test_a_write_without_time_to_live_lets_an_item_live_for_ever(
    store: SQLAlchemyStore, clock: ManualClock
) -> None:
    """The last write counts in this as well."""
    await store.aput(FRUIT, "apple", {}, ttl=1)
    await store.aput(FRUIT, "apple", {})
    await clock.advance(3600)

    assert await store.aget(FRUIT, "apple")


async def test_a_read_does_not_bring_back_what_is_deleted_meanwhile(store: SQLAlchemyStore) -> None:
    """Whichever comes first."""
    await store.abatch([PutOp(FRUIT, f"k{n}", {}, ttl=5) for n in range(20)])
    await asyncio.gather(
        *(store.aget(FRUIT, f"k{n}") for n in range(20)), *(store.adelete(FRUIT, f"k{n}") for n in range(20))
    )

    assert await store.asearch(()) == []


async def test_more_than_a_transaction_takes_is_swept(store: SQLAlchemyStore, clock: ManualClock) -> None:
    """A few at a time, until nothing is left."""
    await store.abatch([PutOp(FRUIT, str(n), {}, ttl=1) for n in range(1200)])
    await clock.advance(60)

    assert await store.sweep_ttl() == 1200


# --- vectors ---


async def test_an_item_that_is_written_again_is_found_by_what_it_is_now(url: str) -> None:
    """Not by what it was, whichever fields it was indexed by; and not at all with `index=False`."""
    async with SQLAlchemyStore.from_conn_string(url, index=index("text")) as store:
        await store.aput(FRUIT, "apple", {"text": "a", "more": "b"}, index=["text", "more"])
        await store.aput(FRUIT, "apple", {"text": "c"})
        assert [item.score for item in await store.asearch((), query="ab")] == [0.0]
        await store.aput(FRUIT, "apple", {"text": "c"}, index=False)

        assert await store.asearch((), query="c") == []
        assert len(await store.asearch(())) == 1
        assert await count(url, MemoryVectorRow) == 0


async def test_vectors_go_with_what_has_expired(url: str, clock: ManualClock) -> None:
    """Nothing is left behind by a sweep."""
    async with SQLAlchemyStore.from_conn_string(url, index=index(), clock=clock) as store:
        await store.aput(FRUIT, "apple", {"a": "b"}, ttl=1)
        await store.aput(FRUIT, "pear", {"a": "b"})
        await clock.advance(60)
        await store.sweep_ttl()

        assert await count(url, MemoryVectorRow) == 1


async def test_without_an_index_a_query_is_not_looked_at(store: SQLAlchemyStore) -> None:
    """As in LangGraph's stores."""
    await store.aput(FRUIT, "apple", {"text": "a"}, index=["text"])

    assert [item.score for item in await store.asearch((), query="a")] == [None]


# --- opening ---


async def test_a_database_without_tables_is_told_from_an_empty_one(empty_url: str) -> None:
    """`setup` makes them, and may be called again."""
    async with SQLAlchemyStore.from_conn_string(empty_url, index=index()) as store:
        with pytest.raises(DBAPIError):
            await store.aput(FRUIT, "apple", {})
        await store.setup()
        await store.setup()
        await store.aput(FRUIT, "apple", {})

        assert await store.aget(FRUIT, "apple")


async def test_an_engine_of_ones_own_will_do(url: str) -> None:
    """It stays open."""
    engine = open_engine(parse_url(url))
    async with SQLAlchemyStore(engine) as store:
        await store.aput(FRUIT, "apple", {}, ttl=1)
    async with SQLAlchemyStore(engine) as store:
        assert await store.aget(FRUIT, "apple")
    await engine.dispose()


async def test_a_blocking_method_on_the_loops_own_thread_says_so(store: SQLAlchemyStore) -> None:
    """It would wait for itself for ever."""
    with pytest.raises(StateNotOpenError, match="this SQLAlchemyStore was called with a blocking method"):
        store.get(FRUIT, "apple")


async def test_a_store_must_be_open(url: str) -> None:
    """Before and after."""
    async with SQLAlchemyStore.from_conn_string(url) as store:
        pass
    with pytest.raises(StateNotOpenError, match="this SQLAlchemyStore is not open"):
        await store.aget(FRUIT, "apple")
    with pytest.raises(StateNotOpenError, match="this SQLAlchemyStore is not open"):
        await store.aput(FRUIT, "apple", {})


async def test_a_url_of_another_database_is_refused(tmp_path: Path) -> None:
    """As everywhere in Trunkline."""
    with pytest.raises(DatabaseUrlError):
        async with SQLAlchemyStore.from_conn_string(f"mysql://{tmp_path}"):
            pass


async def test_an_index_must_be_whole(tmp_path: Path) -> None:
    """It is looked at when the store is made, not at its first search."""
    with pytest.raises(StoreIndexError, match="needs 'dims' and 'embed', got dims"):
        async with SQLAlchemyStore.from_conn_string(f"sqlite:///{tmp_path / 'x.db'}", index={"dims": 3}):
            pass
