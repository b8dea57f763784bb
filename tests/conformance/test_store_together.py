"""Several stores and processes on one database."""

import asyncio

from stand_ins.embeddings import index
from stand_ins.memory_writers import NOTES, put_and_die, write_all, write_on
from stand_ins.processes import bury, kept_running, run_until_it_dies
from trunkline import SQLAlchemyStore


async def test_processes_that_write_the_same_keys_wait_for_each_other(url: str) -> None:
    """None fails, none locks the other out, and each item is as one of them wrote it, with its vectors."""
    with kept_running(write_on, url, "a"):
        async with SQLAlchemyStore.from_conn_string(url, index=index("text")) as store:
            await asyncio.gather(write_all(store, "x", 3), write_all(store, "b", 3))
    bury(url)
    async with SQLAlchemyStore.from_conn_string(url, index=index("text")) as store:
        await store.aput(NOTES, "last", {"text": "c"})
        found = await store.asearch(NOTES, query="a", limit=100)

        assert len(found) == len(await store.asearch(NOTES, limit=100))
        assert {item.value["text"]: round(item.score or 0.0, 5) for item in found}.items() <= {
            ("a", 1.0),
            ("b", 0.0),
            ("c", 0.0),
            ("x", 0.0),
        }


async def test_what_was_put_is_there_although_the_process_dies(url: str) -> None:
    """When the method has returned."""
    run_until_it_dies(put_and_die, url)
    bury(url)
    async with SQLAlchemyStore.from_conn_string(url, index=index("text")) as store:
        assert [item.key for item in await store.asearch((), query="abc")] == ["kept"]


async def test_stores_that_put_the_same_key_at_once_leave_one_item(url: str) -> None:
    """The one that was committed last, and its vectors, whole."""
    async with (
        SQLAlchemyStore.from_conn_string(url, index=index("text", "more")) as one,
        SQLAlchemyStore.from_conn_string(url, index=index("text")) as other,
    ):
        for _ in range(10):
            await asyncio.gather(
                one.aput(NOTES, "k", {"text": "a", "more": "b"}), other.aput(NOTES, "k", {"text": "c", "more": "d"})
            )
            (item,) = await one.asearch(NOTES)
            scores = [(await one.asearch(NOTES, query=letter))[0].score for letter in "abcd"]

            assert scores == ([1.0, 1.0, 0.0, 0.0] if item.value["text"] == "a" else [0.0, 0.0, 1.0, 0.0])
