"""What the queue, the event log, the store and the cache keep is encrypted with the state's keys."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import CachePolicy, interrupt

from stand_ins.keys import BOTH, NEW, OLD
from stand_ins.runs import queued
from stand_ins.state_rows import altered, exchanged, rows_of, tamper
from trunkline import SQLAlchemyCache, SQLAlchemyStore, Trunkline
from trunkline.agents import Models
from trunkline.errors import StateForgedError, StateKeyError, StateNotEncryptedError
from trunkline.runtime.cli.app import execute
from trunkline.runtime.export import exported
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.checkpoints.keyring import Keyring
from trunkline.runtime.storage.database import open_database
from trunkline.runtime.storage.memory_tables import CacheEntryRow, MemoryItemRow
from trunkline.runtime.storage.tables import RunRow

SECRETS = ["Erika", "card-4929", "likes-blue", "cached-answer", "asked-of-a-person", "so-she-said", "still-to-do"]


class State(TypedDict, total=False):
    name: str
    heard: str


async def remember(state: State, runtime: Runtime[Any]) -> Any:
    assert runtime.store
    await runtime.store.aput(("people",), "erika", {"card": "card-4929", "likes": "likes-blue"})
    return {"heard": f"cached-answer for {state.get('name')}"}


async def ask(state: State) -> Any:
    return {"heard": interrupt(f"asked-of-a-person {state.get('name')}")}


GRAPH: StateGraph[Any, Any, Any, Any] = StateGraph(State)
GRAPH.add_node("remember", remember, cache_policy=CachePolicy())
GRAPH.add_node("ask", ask)
GRAPH.add_edge(START, "remember")
GRAPH.add_edge("remember", "ask")


@pytest.fixture
def backend() -> str:
    return "sqlite"


async def converse(url: str, keys: Keyring | None) -> list[str]:
    """A run that was asked and answered by a worker, one that waits, and one that nobody has begun."""
    async with Trunkline(url, models=Models({}), keys=keys, graphs={"g": GRAPH}) as line:
        async with line.worker():
            runs = [await line.submit("g", {"name": "Erika"}, thread=thread) for thread in ("t", "u")]
            for run_id in runs:
                assert (await line.wait(run_id, within=30)).status is RunStatus.WAITING
            await line.answer(runs[0], "so-she-said")
            assert (await line.wait(runs[0], within=30)).status is RunStatus.SUCCEEDED
        return [*runs, await line.submit("g", {"name": "still-to-do"}, thread="v")]


def bytes_of(url: str) -> bytes:
    return b"".join(path.read_bytes() for path in Path(url.removeprefix("sqlite:///")).parent.iterdir())


async def test_no_byte_of_a_secret_is_in_the_file(url: str) -> None:
    """Of inputs, also of one that is still queued, questions, answers, events, items and cached values."""
    await converse(url, NEW)

    kept = bytes_of(url)
    assert [secret for secret in SECRETS if secret.encode() in kept] == []


async def test_the_search_finds_them_when_there_are_no_keys(url: str) -> None:
    """Or it would prove nothing. What is compressed or written in base64 is not looked for."""
    await converse(url, None)

    kept = bytes_of(url)
    assert {secret for secret in SECRETS if secret.encode() in kept} >= {"Erika", "card-4929", "likes-blue"}


async def test_a_person_gets_it_in_clear(url: str) -> None:
    """Whoever exports has the keys."""
    await converse(url, NEW)
    async with open_database(url, keys=NEW) as database:
        told = str([line for thread in "tuv" async for line in exported(database, thread)])

    assert [
        secret for secret in ("Erika", "asked-of-a-person", "so-she-said", "still-to-do") if secret not in told
    ] == []


async def test_a_run_whose_input_is_anothers_fails_and_holds_up_nobody(url: str) -> None:
    """An input opens in its own run alone."""
    async with open_database(url, keys=NEW) as database:
        for name in "abc":
            await queued(database, name, {"name": name}, run_id=f"r-{name}")
    await tamper(url, RunRow, exchanged("given", between=(0, 1)))
    async with Trunkline(url, models=Models({}), keys=NEW, graphs={"shop": GRAPH}) as line, line.worker():
        assert (await line.wait("r-c", within=30)).status is RunStatus.WAITING
        failed = await line.found("r-a")

    assert (failed.status, failed.attempt) == (RunStatus.QUEUED, 1)
    assert "StateForgedError: run r-a of thread 'a' does not open" in str(failed.error)


async def test_a_submission_is_found_again_by_its_key(url: str) -> None:
    """Though what is stored of the same input is never the same."""
    async with open_database(url, keys=NEW) as database:
        for run_id in ("r-1", "r-2"):
            assert await queued(database, "t", {"name": "Erika"}, run_id=run_id, key="order 7") == "r-1"


async def test_the_list_of_runs_needs_no_keys(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It shows that there is something."""
    async with open_database(url, keys=NEW) as database:
        await queued(database, "t", "I am Erika")
    async with open_database(url) as without:
        (seen,) = await without.runs.latest(limit=1)

    assert seen.run.asked == "(encrypted)"


# --- the store and the cache ---


@pytest.fixture
async def store(url: str) -> AsyncGenerator[SQLAlchemyStore]:
    async with SQLAlchemyStore.from_conn_string(url, keys=NEW) as opened:
        yield opened


async def test_items_can_be_filtered_by_what_is_encrypted(store: SQLAlchemyStore) -> None:
    """They are compared when they have been opened."""
    for name, mood in (("a", "calm"), ("b", "angry"), ("c", "calm")):
        await store.aput(("people",), name, {"mood": mood})

    assert {item.key for item in await store.asearch(("people",), filter={"mood": "calm"})} == {"a", "c"}


async def test_an_item_opens_only_under_its_own_name(url: str, store: SQLAlchemyStore) -> None:
    """Neither one that was exchanged, nor one in clear, nor without the keys."""
    for name in "ab":
        await store.aput(("people",), name, {"name": name})
    async with SQLAlchemyStore.from_conn_string(url) as without:
        with pytest.raises(StateKeyError, match="add key '2026-11'"):
            await without.aget(("people",), "a")
    await tamper(url, MemoryItemRow, exchanged("value", between=(0, 1)))
    with pytest.raises(StateForgedError, match="store item a of namespace 'people'"):
        await store.aget(("people",), "a")
    await tamper(url, MemoryItemRow, altered("value", lambda _: '{"name": "a"}'))
    with pytest.raises(StateNotEncryptedError):
        await store.aget(("people",), "a")


async def test_a_cached_value_opens_only_under_its_own_key(url: str) -> None:
    """A value of another key is no answer."""
    async with SQLAlchemyCache[Any].from_conn_string(url, keys=NEW) as cache:
        await cache.aset({(("ns",), "a"): ("one", None), (("ns",), "b"): ("two", None)})
        assert await cache.aget([(("ns",), "a")]) == {(("ns",), "a"): "one"}
        await tamper(url, CacheEntryRow, exchanged("data", between=(0, 1)))

        with pytest.raises(StateForgedError, match="cache entry a of namespace"):
            await cache.aget([(("ns",), "a")])


# --- keys ---


@pytest.mark.parametrize(("first", "clear"), [(OLD, False), (None, True)])
async def test_an_old_key_can_be_taken_away_here_too(url: str, first: Keyring | None, clear: bool) -> None:
    """And a database from before its keys can be taken over."""
    waiting = (await converse(url, first))[1]
    async with open_database(url, keys=BOTH) as database:
        assert await database.reencrypt(clear=clear) > 20
        assert await database.reencrypt() == 0
    async with Trunkline(url, models=Models({}), keys=NEW, graphs={"g": GRAPH}) as line, line.worker():
        await line.answer(waiting, "so-she-said")
        run = await line.wait(waiting, within=30)
        item = await line.store.aget(("people",), "erika")

    assert (run.status, item and item.value["card"]) == (RunStatus.SUCCEEDED, "card-4929")


async def test_the_command_encrypts_all_of_it_anew(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One command for the state and for what is beside it."""
    async with SQLAlchemyStore.from_conn_string(url) as store:
        await store.aput(("people",), "erika", {"card": "card-4929"})
    monkeypatch.setenv("TRUNKLINE_KEYS", f"new:{'A' * 43}=")

    assert await asyncio.to_thread(execute, ["db", "reencrypt", "--clear", "--database", url]) == 0
    assert "1 rows were encrypted anew with key 'new'" in capsys.readouterr().err
    assert (await rows_of(url, MemoryItemRow))[0]["value"].startswith("sealed:new:")
