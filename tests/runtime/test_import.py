"""Importing from LangGraph's own savers: afterwards their threads are here as they were there."""

import operator
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import connect
from typing import Annotated, Any, TypedDict, cast

import pytest
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.types import TASKS
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, Interrupt, Send, interrupt

from stand_ins.checkpoints import Saver, at, put
from stand_ins.databases import postgres_database
from trunkline import SQLAlchemySaver
from trunkline.errors import ImportSourceError, ImportTypeError
from trunkline.runtime.storage.checkpoints.operations import Operation
from trunkline.runtime.storage.checkpoints.serializer import TypeName
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.imports.importing import AlreadyHere, Arrival, Imported, Importer, Refused
from trunkline.runtime.storage.imports.opening import open_foreign

THREAD: Any = {"configurable": {"thread_id": "t"}}


@pytest.fixture
def source(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """The URL of LangGraph's own database, of the same kind as the one here."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'theirs.sqlite'}"
    else:
        with postgres_database(request.getfixturevalue("postgres")) as url:
            yield url


@asynccontextmanager
async def theirs(source: str) -> AsyncGenerator[Saver]:
    """LangGraph's own saver there."""
    if source.startswith("sqlite"):
        async with AsyncSqliteSaver.from_conn_string(source.removeprefix("sqlite:///")) as saver:
            yield saver
    else:
        async with AsyncPostgresSaver.from_conn_string(source) as saver:
            await saver.setup()
            yield saver


async def brought(source: str, database: Database, *allowed: TypeName, **how: Any) -> list[Arrival]:
    """Import all, and return what became of each thread."""
    async with open_foreign(source) as foreign:
        return [each async for each in Importer(foreign, database.saver, allowed=allowed).arrivals(**how)]


# --- programs ---


class Log(TypedDict):
    log: Annotated[list[str], operator.add]


class Chat(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


class Deltas(TypedDict):
    log: Annotated[list[str], DeltaChannel(operator.add, snapshot_frequency=3)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A graph, what has happened on a thread of it before the import, and how it goes on."""

    graph: Any
    before: Callable[[Any], Awaitable[Any]]
    after: Callable[[Any], Awaitable[Any]]


def asking(*, stateful: bool) -> Program:
    """Stopped at a question in a subgraph, after a turn in which it was answered."""

    async def before_asking(state: Log) -> Any:
        return {"log": [f"inner saw {len(state['log'])}"]}

    async def ask(state: Log) -> Any:
        return {"log": [f"heard {interrupt('well?')} after {len(state['log'])}"]}

    inner = StateGraph(Log).add_node("before", before_asking).add_node("ask", ask)
    inner.add_edge(START, "before").add_edge("before", "ask")
    outer = StateGraph(Log).add_node("inner", inner.compile(checkpointer=True) if stateful else inner.compile())

    async def twice(graph: Any) -> None:
        await graph.ainvoke({"log": ["one"]}, THREAD)
        await graph.ainvoke(Command(resume="yes"), THREAD)
        await graph.ainvoke({"log": ["two"]}, THREAD)

    async def answer(graph: Any) -> Any:
        return await graph.ainvoke(Command(resume="no"), THREAD)

    return Program(graph=outer.add_edge(START, "inner"), before=twice, after=answer)


def chatting(durability: Any = "sync") -> Program:
    """Two branches, the older of which went on last, and a state that somebody changed."""

    async def model(state: Chat) -> Any:
        return {"messages": [AIMessage(f"heard {len(state['messages'])}")]}

    async def fork(graph: Any) -> None:
        for text in ("a", "b", "c"):
            await graph.ainvoke({"messages": [HumanMessage(text, id=text)]}, THREAD, durability=durability)
        states = [state async for state in graph.aget_state_history(THREAD)]
        forked = await graph.aupdate_state(states[1].config, {"messages": [HumanMessage("changed", id="b")]})
        await graph.ainvoke(None, forked, durability=durability)

    async def go_on(graph: Any) -> Any:
        return await graph.ainvoke({"messages": [HumanMessage("on", id="on")]}, THREAD)

    return Program(graph=StateGraph(Chat).add_node("model", model).add_edge(START, "model"), before=fork, after=go_on)


def breaking() -> Program:
    """A fan-out of which one task failed: the others' writes wait for it."""
    ran: list[int] = []

    async def work(state: Any) -> Any:
        ran.append(state["number"])
        if len(ran) < 7 and state["number"] == 3:
            raise ConnectionError("once")
        return {"log": [f"did {state['number']}"]}

    def split(state: Log) -> list[Send]:
        del state
        return [Send("work", {"number": number}) for number in range(6)]

    async def broken(graph: Any) -> None:
        ran.clear()
        with pytest.raises(ConnectionError):
            await graph.ainvoke({"log": ["go"]}, THREAD, durability="sync")

    async def resume(graph: Any) -> Any:
        ran.extend([0] * 7)
        result = await graph.ainvoke(None, THREAD)
        return result, ran[-1]

    graph = StateGraph(Log).add_node("work", work).add_conditional_edges(START, split, ["work"])
    return Program(graph=graph, before=broken, after=resume)


def deltas() -> Program:
    """A channel that is rebuilt from writes."""

    async def step(state: Deltas) -> Any:
        return {"log": [f"saw {len(state['log'])}"]}

    async def turns(graph: Any) -> None:
        for turn in range(5):
            await graph.ainvoke({"log": [f"turn {turn}"]}, THREAD)

    async def go_on(graph: Any) -> Any:
        return await graph.ainvoke({"log": ["on"]}, THREAD)

    return Program(graph=StateGraph(Deltas).add_node("one", step).add_edge(START, "one"), before=turns, after=go_on)


PROGRAMS: dict[str, Callable[[], Program]] = {
    "interrupts in a subgraph": lambda: asking(stateful=False),
    "interrupts in a subgraph with a memory": lambda: asking(stateful=True),
    "forks": chatting,
    "durability of the exit": lambda: chatting("exit"),
    "a broken fan-out": breaking,
    "delta channels": deltas,
}


def plain(value: Any) -> Any:
    """The value without what differs from run to run."""
    if isinstance(value, BaseMessage):
        return value.type, value.content
    if isinstance(value, Interrupt):
        return "interrupt", value.value
    if isinstance(value, dict):
        return {key: plain(one) for key, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in cast("list[Any]", value)]
    return value


async def seen(graph: Any) -> list[Any]:
    """The state with its subgraphs, and the whole history, to the letter."""
    history = [state async for state in graph.aget_state_history(THREAD)]
    return [await graph.aget_state(THREAD, subgraphs=True), *history]


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.filterwarnings("ignore:.*DeltaChannel.*")
async def test_a_thread_is_here_as_it_was_there(source: str, database: Database, name: str) -> None:
    """Its state, its whole history with ids, parents, metadata and tasks; and it goes on alike."""
    program = PROGRAMS[name]()
    async with theirs(source) as saver:
        there = program.graph.compile(checkpointer=saver)
        await program.before(there)
        before = await seen(there)
        assert [type(one) for one in await brought(source, database)] == [Imported]
        here = program.graph.compile(checkpointer=database.saver)

        assert await seen(here) == before
        assert plain(await program.after(here)) == plain(await program.after(there))


@pytest.mark.parametrize("name", ["forks", "interrupts in a subgraph"])
async def test_every_row_comes_over(source: str, database: Database, name: str) -> None:
    """All namespaces, and the writes with their places and the paths of their tasks."""
    program = PROGRAMS[name]()
    async with theirs(source) as saver:
        await program.before(program.graph.compile(checkpointer=saver))
        await brought(source, database)
        there = [one async for one in saver.alist({"configurable": {"thread_id": "t"}})]
        here = [one async for one in database.saver.alist({"configurable": {"thread_id": "t"}})]

        assert [one._replace(pending_writes=None) for one in here] == [
            one._replace(pending_writes=None) for one in there
        ]
        assert [one.pending_writes for one in here] == [one.pending_writes for one in there]
        async with open_foreign(source) as foreign, foreign.thread("t") as thread:
            assert await thread.outline() == await database.saver.aoutline("t")


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_a_file_comes_over_to_a_server(tmp_path: Path, database: Database) -> None:
    """From SQLite to PostgreSQL."""
    source, program = f"sqlite:///{tmp_path / 'theirs.sqlite'}", chatting()
    async with theirs(source) as saver:
        there = program.graph.compile(checkpointer=saver)
        await program.before(there)
        await brought(source, database)

        assert await seen(program.graph.compile(checkpointer=database.saver)) == await seen(there)


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_sends_of_an_older_format_come_over(source: str, database: Database) -> None:
    """They are kept with the parent's writes there, and in the checkpoint here, as their saver hands it out."""
    async with theirs(source) as saver:
        parent = await put(saver, at("t"), {"a": [1]}, v=3)
        await saver.aput_writes(parent, [(TASKS, Send("work", {"n": 1})), (TASKS, Send("work", {"n": 2}))], "task")
        await put(saver, parent, {"a": [1, 2]}, versions={"a": 2}, v=3)
        await brought(source, database)

        there, here = await saver.aget_tuple(at("t")), await database.saver.aget_tuple(at("t"))
        assert there
        assert here
        assert here.checkpoint == there.checkpoint
        assert here.checkpoint["channel_values"][TASKS] == [Send("work", {"n": 1}), Send("work", {"n": 2})]


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_file_from_before_paths_were_kept_comes_over(source: str, database: Database) -> None:
    """Its writes have no path, here as there."""
    async with theirs(source) as saver:
        config = await put(saver, at("t"), {"a": 1})
        await saver.aput_writes(config, [("a", 1)], "task")
    with closing(connect(source.removeprefix("sqlite:///"))) as file:
        file.execute("ALTER TABLE writes DROP COLUMN task_path")

    assert await brought(source, database) == [Imported(thread="t", checkpoints=1, writes=1)]


# --- again, and again ---


async def test_importing_again_brings_only_what_is_new(source: str, database: Database) -> None:
    """The thread has gone on there, and another one has begun."""
    program = asking(stateful=False)
    async with theirs(source) as saver:
        there = program.graph.compile(checkpointer=saver)
        await program.before(there)
        await brought(source, database)
        assert await brought(source, database) == [AlreadyHere(thread="t")]
        await program.after(there)
        await put(saver, at("u"), {"a": 1})

        assert [type(one) for one in await brought(source, database)] == [Imported, Imported]
        assert await seen(program.graph.compile(checkpointer=database.saver)) == await seen(there)


class Failing(SQLAlchemySaver):
    """A saver whose database goes away after so many transactions."""

    left = 2

    async def arestore(self, operations: Sequence[Operation]) -> None:
        if not self.left:
            raise ConnectionError("the database is gone")
        self.left -= 1
        await super().arestore(operations)


async def test_an_import_that_broke_off_goes_on_where_it_was(source: str, url: str, database: Database) -> None:
    """In the middle of a thread."""
    async with theirs(source) as saver:
        config = at("t")
        for number in range(150):
            config = await put(saver, config, {"n": number}, versions={"n": number + 1})
            await saver.aput_writes(config, [("n", number)], "task")
    async with open_foreign(source) as foreign, Failing.from_conn_string(url) as failing:
        with pytest.raises(ConnectionError):
            await anext(Importer(foreign, failing).arrivals())
    part = len((await database.saver.aoutline("t")).checkpoints)

    assert 0 < part < 150
    (rest,) = await brought(source, database)
    assert isinstance(rest, Imported)
    assert rest.checkpoints == 150 - part
    async with open_foreign(source) as foreign, foreign.thread("t") as thread:
        assert await thread.outline() == await database.saver.aoutline("t")


async def test_a_dry_run_writes_nothing(source: str, database: Database) -> None:
    """And says the same."""
    async with theirs(source) as saver:
        await put(saver, at("t"), {"a": 1})

    dry = await brought(source, database, dry_run=True)
    assert not (await database.saver.aoutline("t")).checkpoints
    assert dry == await brought(source, database) == [Imported(thread="t", checkpoints=1, writes=0)]


async def test_only_the_threads_that_are_named_come(source: str, database: Database) -> None:
    """The others stay where they are."""
    async with theirs(source) as saver:
        for name in ("t", "u", "v"):
            await put(saver, at(name), {"a": 1})

    assert [one.thread for one in await brought(source, database, only=["t", "v"])] == ["t", "v"]


# --- what is refused ---


async def test_a_thread_that_has_gone_on_here_is_not_overwritten(source: str, database: Database) -> None:
    """Neither with checkpoints nor with writes; the others come."""
    async with theirs(source) as saver:
        first = await put(saver, at("t"), {"a": 1})
        await put(saver, at("u"), {"a": 1})
        await brought(source, database)
        await put(saver, first, {"a": "there"}, versions={"a": 2})
        await put(database.saver, first, {"a": "here"}, versions={"a": 2})

    refused, other = await brought(source, database)
    assert isinstance(refused, Refused)
    assert "'t' has gone on here" in str(refused.error)
    assert other == AlreadyHere(thread="u")


async def test_a_thread_that_was_deleted_here_is_not_brought_back(source: str, database: Database) -> None:
    """Somebody asked for it."""
    async with theirs(source) as saver:
        await put(saver, at("t"), {"a": 1})
    await brought(source, database)
    await database.threads.erase("t")

    (refused,) = await brought(source, database)
    assert isinstance(refused, Refused)
    assert "was deleted here" in str(refused.error)


@dataclass
class Order:
    """A type of somebody's own."""

    number: int


async def test_a_type_that_is_not_allowed_is_named_before_anything_is_written(source: str, database: Database) -> None:
    """Though it is in the last checkpoint of many; allowed, it comes."""
    async with theirs(source) as saver:
        config = at("t")
        for number in range(150):
            config = await put(saver, config, {"a": number}, versions={"a": number + 1})
        await put(saver, config, {"a": Order(number=7)}, versions={"a": 200})

    (refused,) = await brought(source, database)
    assert isinstance(refused, Refused)
    assert isinstance(refused.error, ImportTypeError)
    assert f"thread 't' holds a {__name__}.Order" in str(refused.error)
    assert f"--allow {__name__}:Order" in str(refused.error)
    assert not (await database.saver.aoutline("t")).checkpoints
    assert await brought(source, database, (__name__, "Order")) == [Imported(thread="t", checkpoints=151, writes=0)]


async def test_a_database_without_their_tables_is_refused(source: str, url: str) -> None:
    """Such as one of Trunkline's own; the file of a wrong name is not made."""
    with pytest.raises(ImportSourceError, match="has no table"):
        async with open_foreign(url):
            pass
