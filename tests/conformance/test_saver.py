"""What a checkpointer must do and LangGraph's suite does not ask."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.checkpoint.serde.types import ERROR, RESUME
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from stand_ins.checkpoints import at, checkpoint_id, grow, put, values
from trunkline import SQLAlchemySaver
from trunkline.errors import (
    DatabaseUrlError,
    StaleWriterError,
    StateNotOpenError,
    ThreadConflictError,
    ThreadDeletedError,
    ThreadExistsError,
    TypeNotAllowedError,
)
from trunkline.runtime.storage.checkpoints.keyring import Keyring
from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.state_tables import StateItemRow
from trunkline.runtime.storage.url import parse_url


async def pending(saver: SQLAlchemySaver, config: Any) -> list[tuple[str, str, Any]]:
    found = await saver.aget_tuple(config)
    assert found
    return list(found.pending_writes or [])


async def items(url: str) -> int:
    engine = open_engine(parse_url(url))
    async with engine.connect() as connection:
        count = await connection.scalar(select(func.count()).select_from(StateItemRow))
    await engine.dispose()
    return count or 0


# --- writes ---


async def test_writes_come_back_in_the_order_of_their_tasks_paths(saver: SQLAlchemySaver) -> None:
    """Neither in the order in which they came nor in that of the task ids, which are hashes."""
    config = await put(saver, at(), {})
    await saver.aput_writes(config, [("a", 1), ("b", 2)], "zz", "~path 1")
    await saver.aput_writes(config, [("a", 3)], "aa", "~path 2")
    await saver.aput_writes(config, [("a", 4)], "mm", "")

    assert await pending(saver, config) == [("mm", "a", 4), ("zz", "a", 1), ("zz", "b", 2), ("aa", "a", 3)]


async def test_of_plain_writes_the_first_counts_and_of_special_ones_the_last(saver: SQLAlchemySaver) -> None:
    """Row by row, also where both come together."""
    config = await put(saver, at(), {})
    await saver.aput_writes(config, [("a", 1), (ERROR, "first")], "task")
    await saver.aput_writes(config, [("a", 2), (ERROR, "last"), (RESUME, [1])], "task")

    assert sorted(await pending(saver, config)) == [("task", ERROR, "last"), ("task", RESUME, [1]), ("task", "a", 1)]


async def test_writes_may_come_before_their_checkpoint(saver: SQLAlchemySaver) -> None:
    """LangGraph sends both in the background."""
    await saver.aput_writes(at(checkpoint_id="later"), [("a", 1)], "task")
    config = await put(saver, at(), {}, name="later")

    assert await pending(saver, config) == [("task", "a", 1)]


# --- values ---


@pytest.mark.parametrize(
    "value",
    [
        None,
        0,
        False,
        "",
        1.5,
        "text",
        b"",
        b"bytes",
        [],
        [[]],
        {},
        {"a": [None]},
        (1, 2),
        {1, 2},
        [1] * 3000,
        "x" * 9000,
    ],
    ids=lambda value: f"{type(value).__name__}-{len(repr(value))}",
)
async def test_any_value_comes_back_as_it_was(saver: SQLAlchemySaver, value: Any) -> None:
    """None and the empty ones too; a channel that has no value has no key."""
    config = await put(saver, at(), {"channel": value}, versions={"channel": 1, "empty": 1})
    found = await values(saver, config)

    assert found == {"channel": [1, 2] if value == (1, 2) else value}


@pytest.mark.parametrize("v", [1, 4])
@pytest.mark.parametrize("versions", [(1, 2), ("0001.5", "0002.1"), (1.0, 2.0)], ids=["int", "str", "float"])
async def test_channels_that_did_not_change_are_carried_on(
    saver: SQLAlchemySaver, versions: Sequence[Any], v: int
) -> None:
    """With whatever kind of version, in checkpoints of whatever format."""
    old, new = versions
    first = await put(
        saver,
        at(),
        {"kept": "a" * 99, "gone": [1], "log": ["b" * 99]},
        versions=dict.fromkeys(["kept", "gone", "log"], old),
        v=v,
    )
    second = await put(
        saver,
        first,
        {"kept": "a" * 99, "log": ["b" * 99, "c" * 99]},
        versions={"kept": old, "log": new},
        new={"log": new},
        v=v,
    )

    assert await values(saver, second) == {"kept": "a" * 99, "log": ["b" * 99, "c" * 99]}
    assert await values(saver, first) == {"kept": "a" * 99, "gone": [1], "log": ["b" * 99]}


async def test_an_emptied_channel_stays_empty(saver: SQLAlchemySaver) -> None:
    """It changed, and has no value."""
    first = await put(saver, at(), {"a": "value"}, versions={"a": 1})
    second = await put(saver, first, {}, versions={"a": 2})

    assert (await values(saver, second), await values(saver, first)) == ({}, {"a": "value"})


async def test_branches_with_equal_versions_keep_their_own_values(saver: SQLAlchemySaver) -> None:
    """Integers count alike on both branches."""
    root = await put(saver, at(), {"a": 1}, versions={"a": 1})
    tip = await saver.aget_tuple(at(checkpoint_id=checkpoint_id(root)))
    assert tip
    left, right = [await put(saver, tip.config, {"a": [side]}, versions={"a": 2}) for side in ("left", "right")]

    assert (await values(saver, left), await values(saver, right)) == ({"a": ["left"]}, {"a": ["right"]})


async def test_a_message_changed_in_place_is_saved_as_it_is_now(saver: SQLAlchemySaver) -> None:
    """And does not change what was saved before; what was read shares nothing with what is read next."""
    said: list[AnyMessage] = [HumanMessage("hello", id="1"), AIMessage("hi", id="2", additional_kwargs={"deep": [1]})]
    first = await put(saver, at(), {"messages": said}, versions={"messages": 1})
    said[1].additional_kwargs["deep"].append(2)
    second = await put(saver, first, {"messages": said}, versions={"messages": 2})
    (await values(saver, second) or {})["messages"][1].additional_kwargs["deep"].append(3)

    deeps = [
        (await values(saver, one) or {})["messages"][1].additional_kwargs["deep"] for one in (first, second, second)
    ]
    assert deeps == [[1], [1, 2], [1, 2]]


async def test_a_number_that_became_an_equal_one_is_saved_as_it_is_now(saver: SQLAlchemySaver) -> None:
    """To Python, 1 and True are equal."""
    said = [AIMessage("hi", id="1", response_metadata={"cached": 1})]
    config = await put(saver, at(), {"messages": said}, versions={"messages": 1})
    said[0].response_metadata["cached"] = True
    config = await put(saver, config, {"messages": said}, versions={"messages": 2})

    (message,) = (await values(saver, config) or {})["messages"]
    assert message.response_metadata["cached"] is True


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("name", ["NULL", "", 'a"b', "a\\b", "{a,b}", "a\nb", " a ", "é\u2028\U0001f600", "'); --"])
async def test_names_are_kept_to_the_letter(saver: SQLAlchemySaver, name: str) -> None:
    """Whatever a way of sending many rows at once makes of such letters."""
    first = await put(saver, at(ns=name), {name: b"\x00" * 50}, name="1", metadata={"run_id": name})
    second = await put(saver, first, {name: name}, versions={name: 2}, name=f"2{name}")
    await saver.aput_writes(second, [(name, b'\\"\xff' * 50)], task_id=name, task_path=name)
    found = await saver.aget_tuple(second)

    assert found
    assert found.checkpoint["channel_values"] == {name: name}
    assert found.pending_writes == [(name, name, b'\\"\xff' * 50)]


# --- growth ---


async def test_an_element_is_stored_once_however_many_checkpoints_hold_it(
    saver: SQLAlchemySaver, url: str, keys: Keyring | None
) -> None:
    """Also when another process goes on."""
    last = await grow(saver, "t", 20)
    await grow(saver, "u", 5)

    assert await items(url) == 25
    async with SQLAlchemySaver.from_conn_string(url, keys=keys) as second:
        await grow(second, "t", 5, start=20, parent=last)
    assert await items(url) == 30


async def test_a_long_list_with_holes_comes_back_whole(saver: SQLAlchemySaver, other: SQLAlchemySaver) -> None:
    """Its manifest is folded more than once."""
    long = [f"{number:064}" for number in range(17_000)]
    first = await put(saver, at(), {"log": long}, versions={"log": 1})
    holes = [text for number, text in enumerate(long) if number % 4]
    second = await put(saver, first, {"log": holes}, versions={"log": 2})
    third = await put(other, second, {"log": [*holes, "z" * 64]}, versions={"log": 3})

    assert await values(other, third) == {"log": [*holes, "z" * 64]}
    assert (await values(saver, second), await values(saver, first)) == ({"log": holes}, {"log": long})


async def test_what_no_checkpoint_holds_any_more_is_swept(saver: SQLAlchemySaver, url: str) -> None:
    """Values, elements and nodes; what is kept can still be read, and the thread goes on."""
    last = await grow(saver, "t", 10)
    last = await put(saver, last, {"log": ["fresh " * 20]}, versions={"log": 99})
    await saver.aprune(["t"])

    assert await items(url) == 1
    again = await put(saver, last, {"log": ["fresh " * 20, "text 1 " * 20]}, versions={"log": 100})
    assert await values(saver, again) == {"log": ["fresh " * 20, "text 1 " * 20]}


async def test_another_process_sees_what_was_swept(saver: SQLAlchemySaver, other: SQLAlchemySaver) -> None:
    """It does not refer to items that it remembers and that are gone."""
    last = await grow(saver, "t", 3)
    last = await put(saver, last, {"log": []}, versions={"log": 50})
    await other.aprune(["t"])
    again = await put(saver, last, {"log": ["text 1 " * 20]}, versions={"log": 51})

    assert await values(other, again) == {"log": ["text 1 " * 20]}


# --- one writer ---


async def test_the_latest_is_the_one_that_was_saved_last(saver: SQLAlchemySaver) -> None:
    """Whatever the clock said that made the ids."""
    first = await put(saver, at(), {"a": "ahead"}, name="9-from-a-clock-ahead")
    await put(saver, first, {"a": "behind"}, versions={"a": 2}, name="1-from-a-clock-behind")

    assert await values(saver, at()) == {"a": "behind"}
    assert [checkpoint_id(one) async for one in saver.alist(at())] == ["1-from-a-clock-behind", "9-from-a-clock-ahead"]
    before = at(checkpoint_id="1-from-a-clock-behind")
    assert [checkpoint_id(one) async for one in saver.alist(at(), before=before)] == ["9-from-a-clock-ahead"]


async def test_an_older_token_is_refused(saver: SQLAlchemySaver, other: SQLAlchemySaver) -> None:
    """For checkpoints and writes, in whichever process; without a token nothing is asked."""
    first = await put(saver, at(fencing_token=1), {"a": 1})
    held = at(checkpoint_id=checkpoint_id(first), fencing_token=2)
    await other.aput_writes(held, [("a", 1)], "task")

    stale = at(checkpoint_id=checkpoint_id(first), fencing_token=1)
    with pytest.raises(StaleWriterError, match="written with fencing token 2, this write carries 1"):
        await put(saver, stale, {"a": 2})
    with pytest.raises(StaleWriterError):
        await saver.aput_writes(stale, [("a", 1)], "zombie")
    assert [task for task, _, _ in await pending(saver, first)] == ["task"]


async def test_of_two_runs_at_once_the_second_to_save_conflicts(saver: SQLAlchemySaver, other: SQLAlchemySaver) -> None:
    """Both read the same latest checkpoint. The loser is told, and its turn is not half saved."""
    await put(saver, at(), {"a": 1})
    mine, theirs = await saver.aget_tuple(at()), await other.aget_tuple(at())
    assert mine
    assert theirs
    await put(other, theirs.config, {"a": 2}, versions={"a": 2})

    with pytest.raises(ThreadConflictError, match="has moved on from checkpoint"):
        await put(saver, mine.config, {"a": 3}, versions={"a": 3})
    assert await values(saver, at()) == {"a": 2}


async def test_a_run_that_begins_a_thread_conflicts_with_another_that_did(saver: SQLAlchemySaver) -> None:
    """Neither had a checkpoint to go on from."""
    begin = {"source": "input", "step": -1}
    await put(saver, at(), {"a": 1}, metadata=begin)

    with pytest.raises(ThreadConflictError, match="from an empty thread"):
        await put(saver, at(), {"a": 2}, metadata=begin)


async def test_a_run_may_branch_off_a_checkpoint_that_it_names(saver: SQLAlchemySaver) -> None:
    """Read by its id or from a list."""
    first = await put(saver, at(), {"a": 1})
    await put(saver, first, {"a": 2}, versions={"a": 2})
    named = await saver.aget_tuple(at(checkpoint_id=checkpoint_id(first)))
    listed = [one async for one in saver.alist(at())][-1]
    assert named

    for one in (named, listed):
        await put(saver, one.config, {"a": 3}, versions={"a": 3})
    assert await values(saver, at()) == {"a": 3}


async def test_conflicts_can_be_switched_off(url: str, keys: Keyring | None) -> None:
    """Then the last to save wins, as with LangGraph's savers."""
    async with SQLAlchemySaver.from_conn_string(url, keys=keys, refuse_conflicts=False) as saver:
        first = await put(saver, at(), {"a": 1})
        for value in (2, 3):
            await put(saver, first, {"a": value}, versions={"a": value})

        assert await values(saver, at()) == {"a": 3}


async def test_many_writers_of_many_threads_lose_nothing(saver: SQLAlchemySaver, other: SQLAlchemySaver) -> None:
    """In two processes, all at once."""
    savers = [saver, other]
    await asyncio.gather(*(grow(savers[thread % 2], f"t{thread}", 8) for thread in range(12)))

    for thread in range(12):
        log = (await values(savers[thread % 2 - 1], at(f"t{thread}")) or {})["log"]
        assert log == [f"text {one} " * 20 for one in range(8)]


# --- deletion ---


async def test_a_late_write_does_not_bring_a_deleted_thread_back(
    saver: SQLAlchemySaver, other: SQLAlchemySaver
) -> None:
    """Neither a checkpoint nor a task's write, from whichever process. A new conversation may begin."""
    last = await grow(saver, "t", 2)
    await other.adelete_thread("t")

    with pytest.raises(ThreadDeletedError):
        await saver.aput_writes(last, [("a", 1)], "late")
    with pytest.raises(ThreadDeletedError):
        await put(saver, last, {"log": []}, versions={"log": 9})
    assert await saver.aget_tuple(at()) is None
    await put(saver, at(), {"log": ["anew"]}, metadata={"source": "input", "step": -1})
    with pytest.raises(ThreadDeletedError):
        await put(saver, last, {"log": []}, versions={"log": 9})
    assert await values(saver, at()) == {"log": ["anew"]}


async def test_a_copy_is_whole_and_its_own(saver: SQLAlchemySaver) -> None:
    """Both go on apart; a thread that has checkpoints is not copied over."""
    last = await grow(saver, "t", 4)
    await saver.aput_writes(last, [("log", "pending")], "task")
    await saver.acopy_thread("t", "u")
    await grow(saver, "u", 1, start=4, parent=at("u", checkpoint_id=checkpoint_id(last)))
    await saver.adelete_thread("t")

    assert len([one async for one in saver.alist(at("u"))]) == 5
    assert len((await values(saver, at("u")) or {})["log"]) == 5
    await grow(saver, "v", 1)
    with pytest.raises(ThreadExistsError):
        await saver.acopy_thread("u", "v")


# --- types ---


@dataclass
class Order:
    id: int


async def test_a_type_that_is_not_allowed_is_refused_by_name(saver: SQLAlchemySaver) -> None:
    """When it is saved, before anything is."""
    with pytest.raises(TypeNotAllowedError, match=r"holds a .*Order, which is not allowed.*allowed_types=\[Order\]"):
        await put(saver, at(), {"order": {"deep": [Order(1)]}})
    assert await saver.aget_tuple(at()) is None


async def test_a_type_that_is_allowed_comes_back(url: str, keys: Keyring | None) -> None:
    """And is refused by a saver that does not allow it, not handed out as bare fields."""
    async with SQLAlchemySaver.from_conn_string(url, keys=keys, allowed_types=[(__name__, "Order")]) as allowing:
        await put(allowing, at(), {"text": "fine", "order": (Order.__module__, 1)})
    async with SQLAlchemySaver.from_conn_string(url, keys=keys, allowed_types=[Order]) as allowing:
        await put(allowing, at("u"), {"orders": [Order(1)]})
        await put(allowing, at("v"), {"order": Order(2)})
    async with SQLAlchemySaver.from_conn_string(url, keys=keys) as strict:
        for thread in ("u", "v"):
            with pytest.raises(TypeNotAllowedError):
                await strict.aget_tuple(at(thread))


# --- faults ---


async def test_a_write_that_was_lost_stops_the_run_at_its_next_checkpoint(saver: SQLAlchemySaver) -> None:
    """LangGraph itself looks at its tasks' writes only when the run is over."""
    config = await put(saver, at(), {"a": 1})
    with pytest.raises(TypeNotAllowedError):
        await saver.aput_writes(config, [("a", Order(1))], "task")

    with pytest.raises(TypeNotAllowedError):
        await put(saver, config, {"a": 2}, versions={"a": 2})


async def test_a_database_without_tables_is_told_from_an_empty_one(empty_url: str, keys: Keyring | None) -> None:
    """`setup` makes them, and may be called again."""
    async with SQLAlchemySaver.from_conn_string(empty_url, keys=keys) as saver:
        with pytest.raises(DBAPIError):
            await put(saver, at(), {"a": 1})
        await saver.setup()
        await saver.setup()
        await put(saver, at(), {"a": 1})

        assert await values(saver, at()) == {"a": 1}


async def test_an_engine_of_ones_own_will_do(url: str, keys: Keyring | None) -> None:
    """It stays open."""
    engine = open_engine(parse_url(url))
    async with SQLAlchemySaver(engine, keys=keys) as saver:
        await put(saver, at(), {"a": 1})
    async with SQLAlchemySaver(engine, keys=keys) as saver:
        assert await values(saver, at()) == {"a": 1}
    await engine.dispose()


# --- blocking methods ---


async def test_blocking_methods_work_from_a_thread(saver: SQLAlchemySaver) -> None:
    """Every one of them."""
    first = await put(saver, at(), {"a": 1}, metadata={"run_id": "r"})

    def work() -> list[Any]:
        saver.put_writes(first, [("a", 1)], "task")
        saver.copy_thread("t", "u")
        saver.prune(["u"])
        saver.delete_thread("u")
        found = saver.get_tuple(at())
        listed = [checkpoint_id(one) for one in saver.list(at())]
        history = saver.get_delta_channel_history(config=first, channels=["a"])
        saver.delete_for_runs(["r"])
        return [found and found.pending_writes, listed, history, saver.get_tuple(at())]

    assert await asyncio.to_thread(work) == [
        [("task", "a", 1)],
        [checkpoint_id(first)],
        {"a": {"writes": []}},
        None,
    ]


async def test_a_blocking_method_on_the_loops_own_thread_says_so(saver: SQLAlchemySaver) -> None:
    """It would wait for itself for ever."""
    with pytest.raises(StateNotOpenError, match="use ainvoke, astream"):
        saver.get_tuple(at())


async def test_a_saver_must_be_open(url: str, keys: Keyring | None) -> None:
    """Before and after."""
    async with SQLAlchemySaver.from_conn_string(url, keys=keys) as saver:
        pass
    with pytest.raises(StateNotOpenError, match="is not open"):
        await saver.aget_tuple(at())
    with pytest.raises(StateNotOpenError, match="is not open"):
        await put(saver, at(), {})


async def test_a_url_of_another_database_is_refused(tmp_path: Path) -> None:
    """As everywhere in Trunkline."""
    with pytest.raises(DatabaseUrlError):
        async with SQLAlchemySaver.from_conn_string(f"mysql://{tmp_path}"):
            pass


# --- cancellation ---


async def test_a_read_sees_what_a_cancelled_run_left_on_its_way(saver: SQLAlchemySaver) -> None:
    """The next run of the thread begins where it ended, and so does not conflict with it."""
    first = await put(saver, at(), {"a": 1})
    leaving = asyncio.create_task(put(saver, first, {"a": 2}, versions={"a": 2}))
    await asyncio.sleep(0)
    leaving.cancel()
    found = await saver.aget_tuple(at())
    assert found
    await put(saver, found.config, {"a": 3}, versions={"a": 3})

    assert await values(saver, at()) == {"a": 3}


async def test_a_loss_does_not_outlive_the_run_that_had_it(saver: SQLAlchemySaver) -> None:
    """Who reads the checkpoint anew runs its tasks anew."""
    config = await put(saver, at(), {"a": 1})
    with pytest.raises(TypeNotAllowedError):
        await saver.aput_writes(config, [("a", Order(1))], "task")
    found = await saver.aget_tuple(at())
    assert found

    await put(saver, found.config, {"a": 2}, versions={"a": 2})
    assert await values(saver, at()) == {"a": 2}
