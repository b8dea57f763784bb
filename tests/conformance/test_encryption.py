"""State is encrypted whole, opens only in its own place, and follows its keys."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from stand_ins.checkpoints import at, checkpoint_id, grow, put, values
from stand_ins.keys import BOTH, NEW, OLD, OLD_STILL
from stand_ins.state_rows import CHECKPOINTS, ITEMS, THREADS, WRITES, Rows, altered, exchanged, rows_of, tamper
from trunkline import SQLAlchemySaver
from trunkline.errors import (
    KeyringError,
    MissingExtraError,
    StateForgedError,
    StateKeyError,
    StateNotEncryptedError,
)
from trunkline.runtime.storage.checkpoints.aes_gcm import AesGcm
from trunkline.runtime.storage.checkpoints.frame import digest, frame
from trunkline.runtime.storage.checkpoints.keyring import Keyring

ON = pytest.mark.parametrize("kind", ["sqlite, encrypted", "postgresql, encrypted"])
ON_SQLITE = pytest.mark.parametrize("kind", ["sqlite, encrypted"])


def opened(url: str, keys: Keyring | None) -> Any:
    return SQLAlchemySaver.from_conn_string(url, keys=keys)


async def everything(saver: SQLAlchemySaver) -> list[Any]:
    return [(one.config, one.checkpoint, one.metadata, one.pending_writes) async for one in saver.alist(None)]


async def everything_with(url: str, keys: Keyring | None) -> list[Any]:
    async with opened(url, keys) as saver:
        return await everything(saver)


async def fill(url: str, keys: Keyring | None) -> list[Any]:
    """Two threads with two checkpoints each, a log of two items, and the writes of two tasks."""
    async with opened(url, keys) as saver:
        for thread in ("t", "u"):
            log = [f"{thread} says {'hello ' * 20}", f"{thread} says {'bye ' * 20}"]
            first = await put(saver, at(thread), {"log": log[:1]}, metadata={"run_id": "r1"})
            last = await put(saver, first, {"log": log}, versions={"log": 2}, metadata={"run_id": "r2"})
            await saver.aput_writes(last, [("log", "a"), ("other", "b")], "task 1", "path 1")
            await saver.aput_writes(last, [("log", "c")], "task 2", "path 2")
        return await everything(saver)


# --- nothing is in clear ---


class Contact(TypedDict):
    name: str
    card: int
    texts: list[str]
    messages: list[AnyMessage]
    answer: str


CARD = 4_929_123_412_341_234
SECRETS = [
    b"Erika Mustermann",
    CARD.to_bytes(8, "big"),
    b"likes-blue",
    b"two of them",
    b"Qz7!kX2@vB9#wJ4",
    b"in-the-metadata",
    b"asked-of-a-person",
    b"gi5n",
]


async def keep_secrets(url: str, keys: Keyring | None) -> None:
    """A conversation that has a secret in each place where LangGraph keeps something."""

    async def ask(state: Contact) -> Any:
        return {"answer": interrupt(f"asked-of-a-person {state['name']}")}

    async def tell(state: Contact) -> Any:
        del state
        return {"texts": ["likes-blue", "two of them"], "messages": [HumanMessage("Qz7!kX2@vB9#wJ4", id="m")]}

    builder = StateGraph(Contact)
    builder.add_node("ask", ask)
    builder.add_node("tell", tell)
    builder.add_edge(START, "ask")
    builder.add_edge(START, "tell")
    config: Any = {"configurable": {"thread_id": "t"}, "metadata": {"note": "in-the-metadata"}}
    async with opened(url, keys) as saver:
        given: Any = {"name": "Erika Mustermann", "card": CARD, "answer": "gi5n"}
        await builder.compile(checkpointer=saver).ainvoke(given, config)
        await saver.acopy_thread("t", "copy")


def bytes_of(url: str) -> bytes:
    return b"".join(path.read_bytes() for path in Path(url.removeprefix("sqlite:///")).parent.iterdir())


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_no_byte_of_a_secret_is_in_the_file(url: str) -> None:
    """Of values of channels, small and large, numbers, messages, metadata, writes and interrupts, also in a copy."""
    await keep_secrets(url, NEW)

    kept = bytes_of(url)
    assert [secret for secret in SECRETS if secret in kept] == []


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_the_search_finds_them_when_there_are_no_keys(url: str) -> None:
    """Or it would prove nothing."""
    await keep_secrets(url, None)

    kept = bytes_of(url)
    assert [secret for secret in SECRETS if secret not in kept] == []


@ON
async def test_digests_tell_nothing_of_what_they_are_of(url: str) -> None:
    """Neither what it is, nor that two threads hold the same; within a thread it is still stored once."""
    text = "the same in both " * 9
    async with opened(url, NEW) as saver:
        for thread in ("t", "u"):
            first = await put(saver, at(thread), {"a": [text], "b": [text, text]})
            await put(saver, first, {"a": [text]}, versions={"a": 2})
        plain = frame(saver.serde.dumps_typed(text))
    stored = [row["digest"] for row in await rows_of(url, ITEMS)]

    assert len(stored) == len(set(stored)) == 2
    assert digest(plain) not in stored


@ON_SQLITE
async def test_no_two_rows_share_a_nonce(url: str) -> None:
    """Not even those of equal values."""
    await fill(url, NEW)
    stored = [row["data"] for table in (ITEMS, CHECKPOINTS, WRITES) for row in await rows_of(url, table)]
    begin = 2 + len("2026-11")

    assert len({data[begin : begin + 12] for data in stored}) == len(stored) == 14


@ON_SQLITE
async def test_any_field_of_the_metadata_can_be_filtered_by(saver: SQLAlchemySaver) -> None:
    """It is compared after it was decrypted."""
    await put(saver, at(), {"a": 1}, metadata={"mood": "angry"})
    await put(saver, at(), {"a": 2}, metadata={"mood": "calm"})

    found = [one.checkpoint["channel_values"] async for one in saver.alist(None, filter={"mood": "calm"})]
    assert found == [{"a": 2}]


# --- what is not in its place is refused ---


def flipped(stored: bytes) -> bytes:
    return stored[:-1] + bytes((stored[-1] ^ 1,))


# Rows 0 and 1 are of thread t, the last ones of thread u; of writes 0 to 2 and 3 to 5.
TAMPERING: dict[str, tuple[Any, Callable[[Rows], None]]] = {
    "items of two threads": (ITEMS, exchanged("data", "digest", between=(0, -1))),
    "items of one thread": (ITEMS, exchanged("number", between=(0, 1))),
    "the digests of items": (ITEMS, exchanged("digest", between=(0, 1))),
    "the data of items": (ITEMS, exchanged("data", between=(0, 1))),
    "an item copied over another": (ITEMS, lambda rows: rows[1].update(data=rows[0]["data"])),
    "a bit of an item": (ITEMS, altered("data", flipped)),
    "an item cut short": (ITEMS, altered("data", lambda data: data[:15])),
    "checkpoints of two threads": (CHECKPOINTS, exchanged("thread", between=(0, -1))),
    "checkpoints of one thread": (CHECKPOINTS, exchanged("data", between=(0, 1))),
    "the ids of checkpoints": (CHECKPOINTS, exchanged("checkpoint_id", between=(0, 1))),
    "a checkpoint's parent": (CHECKPOINTS, altered("parent_id", lambda _: "another", row=1)),
    "a checkpoint's run": (CHECKPOINTS, altered("run_id", lambda _: "r9")),
    "a checkpoint's namespace": (CHECKPOINTS, altered("ns", lambda _: "sub")),
    "a bit of a checkpoint": (CHECKPOINTS, altered("data", flipped)),
    "writes of two threads": (WRITES, exchanged("data", between=(0, -1))),
    "writes of two tasks": (WRITES, exchanged("data", between=(0, 2))),
    "the tasks of writes": (WRITES, exchanged("task_id", between=(0, 2))),
    "a write's channel": (WRITES, altered("channel", lambda _: "answer")),
    "a write's place among its task's": (WRITES, altered("idx", lambda _: 7)),
    "a write's path": (WRITES, altered("task_path", lambda _: "path 0")),
    "a bit of a write": (WRITES, altered("data", flipped)),
    "the names of threads": (THREADS, exchanged("name", between=(0, 1))),
}


@ON
async def test_a_row_opens_only_where_it_was_put(url: str) -> None:
    """Whatever is exchanged, copied, altered or cut is refused, and is fine again when it is put back."""
    kept = await fill(url, NEW)
    for name, (table, change) in TAMPERING.items():
        before = await rows_of(url, table)
        await tamper(url, table, change)
        with pytest.raises(StateForgedError, match="does not open with key '2026-11'"):
            pytest.fail(f"{name}: {await everything_with(url, NEW)}")
        await tamper(url, table, lambda rows, before=before: rows.__setitem__(slice(None), before))

    assert await everything_with(url, NEW) == kept


@pytest.mark.parametrize("table", [ITEMS, CHECKPOINTS, WRITES], ids=lambda table: table.__tablename__)
@ON_SQLITE
async def test_a_row_in_clear_is_refused_while_there_are_keys(url: str, table: Any, tmp_path: Path) -> None:
    """It may be a forgery: it names the row, and says what to do if it is none."""
    await fill(url, NEW)
    other = f"sqlite:///{tmp_path / 'clear.db'}"
    async with opened(other, None) as saver:
        await saver.setup()
    await fill(other, None)
    clear = (await rows_of(other, table))[0]["data"]
    await tamper(url, table, altered("data", lambda _: clear))

    with pytest.raises(StateNotEncryptedError, match=r"of thread 't' is not encrypted.*db reencrypt --clear"):
        await everything_with(url, NEW)


@ON_SQLITE
async def test_a_row_whose_digest_was_exchanged_is_not_taken_for_another(url: str) -> None:
    """By a process that asks whether the thread has a value already, and would not read it."""
    await fill(url, NEW)
    await tamper(url, ITEMS, exchanged("digest", between=(0, 1)))

    async with opened(url, NEW) as saver:
        with pytest.raises(StateForgedError):
            await put(saver, at(checkpoint_id="none"), {"log": [f"t says {'bye ' * 20}"]})


PLACE = st.tuples(
    st.sampled_from(["item", "write"]), st.text(max_size=3), st.integers(-2, 2), st.binary(max_size=2) | st.none()
)


@given(plain=st.binary(min_size=1, max_size=200), place=PLACE, other=PLACE, where=st.integers(0), bit=st.integers(0, 7))
def test_a_seal_opens_for_its_place_and_its_bytes_alone(
    plain: bytes, place: Any, other: Any, where: int, bit: int
) -> None:
    """Any other place, and any single bit, is refused."""
    seal = AesGcm(NEW)
    stored = seal.close(plain, place)
    changed = bytearray(stored)
    changed[where % len(stored)] ^= 1 << bit

    assert seal.open(stored, place) == plain
    with pytest.raises((StateForgedError, StateKeyError, StateNotEncryptedError)):
        seal.open(bytes(changed), place)
    if other != place:
        with pytest.raises(StateForgedError):
            seal.open(stored, other)


# --- keys ---


@ON
async def test_without_keys_it_says_which_key_is_missing(url: str) -> None:
    """To a saver without any, and to one with others."""
    await fill(url, OLD)

    with pytest.raises(StateKeyError, match=r"encrypted with key '2026-05', and no keys were given; add key '2026-05'"):
        await everything_with(url, None)
    with pytest.raises(StateKeyError, match="key '2026-05', and the keys given are 2026-11; add"):
        await everything_with(url, NEW)


@ON_SQLITE
async def test_another_key_of_the_same_name_is_refused(url: str) -> None:
    """It does not open what the first one closed."""
    await fill(url, NEW)

    with pytest.raises(StateForgedError, match="or the key of that name is another one"):
        await everything_with(url, Keyring(current="2026-11", keys={"2026-11": b"x" * 32}))


@ON
async def test_an_old_key_can_be_taken_away_once_all_is_encrypted_anew(url: str) -> None:
    """Nothing is lost, and nothing is left to do; more rows than fit one transaction."""
    await fill(url, OLD)
    async with opened(url, OLD) as saver:
        await put(saver, at("long"), {"log": [f"{number:064}" for number in range(450)]})
        kept = await everything(saver)
    async with opened(url, BOTH) as saver:
        done = [await saver.reencrypt(), await saver.reencrypt()]

    assert done == [465, 0]
    assert await everything_with(url, NEW) == kept


@ON
async def test_threads_go_on_while_keys_are_replaced(url: str) -> None:
    """Processes with the old current key and with the new one write in turns, before, while and after."""
    async with opened(url, OLD_STILL) as one, opened(url, BOTH) as two:
        last = await grow(one, "t", 3)
        last = await grow(two, "t", 3, start=3, parent=last)
        await two.reencrypt()
        last = await grow(one, "t", 3, start=6, parent=last)
        await two.reencrypt()
    async with opened(url, NEW) as saver:
        await grow(saver, "t", 3, start=9, parent=last)
        assert await values(saver, at()) == {"log": [f"text {number} " * 20 for number in range(12)]}


@ON
async def test_a_value_that_two_keys_have_stored_stays_two_items(url: str) -> None:
    """Each checkpoint still finds its own; a copy holds both as well."""
    text = ["the same " * 20]
    async with opened(url, OLD) as saver:
        first = await put(saver, at(), {"log": text})
    async with opened(url, Keyring(current="2026-10", keys={"2026-10": b"m" * 32})) as saver:
        with pytest.raises(StateKeyError):
            await put(saver, first, {"log": text}, versions={"log": 2})
        await put(saver, at(checkpoint_id="gone"), {"log": text}, versions={"log": 2})
    every = Keyring(current="2026-11", keys={**BOTH.keys, "2026-10": b"m" * 32})
    async with opened(url, every) as saver:
        await saver.acopy_thread("t", "u")
        assert await saver.reencrypt() == 4
        await saver.aprune(["t"])

    found = [one[1]["channel_values"] for one in await everything_with(url, NEW)]
    assert found == [{"log": text}] * 3


@ON
async def test_a_database_from_before_its_keys_is_taken_over_when_told_to(url: str) -> None:
    """Not otherwise."""
    kept = await fill(url, None)
    async with opened(url, NEW) as saver:
        with pytest.raises(StateNotEncryptedError):
            await saver.reencrypt()
        assert await saver.reencrypt(clear=True) == 14

    assert await everything_with(url, NEW) == kept


@ON
async def test_what_prune_leaves_behind_opens_without_its_parents(url: str) -> None:
    """The parent is a part of where a checkpoint belongs, and goes; deleting a run does the same."""
    kept = await fill(url, OLD)
    async with opened(url, BOTH) as saver:
        await saver.aprune(["t"])
        await saver.adelete_for_runs(["r1"])

    found = await everything_with(url, BOTH)
    assert found == [one for one in kept if one[2]["run_id"] == "r2"]


@ON_SQLITE
async def test_a_checkpoint_saved_again_opens_with_its_new_parent(saver: SQLAlchemySaver) -> None:
    """As in LangGraph's own saver in memory."""
    first = await put(saver, at(), {"a": 1})
    await put(saver, at(), {"a": 2}, name="again")
    await put(saver, first, {"a": 3}, versions={"a": 2}, name="again")

    found = await saver.aget_tuple(at(checkpoint_id="again"))
    assert found
    assert found.parent_config
    assert (found.checkpoint["channel_values"], checkpoint_id(found.parent_config)) == ({"a": 3}, checkpoint_id(first))


@ON_SQLITE
async def test_nothing_can_be_encrypted_anew_without_keys(url: str) -> None:
    """It says where keys come from."""
    async with opened(url, None) as saver:
        with pytest.raises(KeyringError, match=r"none were given to encrypt with.*db new-key"):
            await saver.reencrypt()


@ON_SQLITE
async def test_keys_need_the_extra(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And say so at once; without keys nothing is missed."""
    monkeypatch.setitem(sys.modules, "cryptography", cast("Any", None))

    with pytest.raises(MissingExtraError, match="crypto"):
        async with opened(url, NEW):
            pass
    async with opened(url, None) as saver:
        assert await everything(saver) == []
