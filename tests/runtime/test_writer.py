"""Group commit: what goes together, what fails alone."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table, event, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from stand_ins.databases import execute
from stand_ins.statements import counted
from trunkline.errors import CommitUnknownError, NotOpenError
from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.url import parse_url
from trunkline.runtime.storage.writer import Writer

NOTES = Table("notes", MetaData(), Column("id", Integer, primary_key=True, autoincrement=False))
NOTE = insert(NOTES)


@asynccontextmanager
async def notes(url: str) -> AsyncGenerator[AsyncEngine]:
    """Open an engine on a database with an empty table of notes."""
    engine = open_engine(parse_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(NOTES.metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
async def engine(empty_url: str) -> AsyncGenerator[AsyncEngine]:
    async with notes(empty_url) as opened:
        yield opened


@pytest.fixture
async def writer(engine: AsyncEngine) -> AsyncGenerator[Writer]:
    async with Writer(engine) as opened:
        yield opened


def noting(note: int) -> Callable[[AsyncConnection], Awaitable[int]]:
    """Work that writes a note and returns its number."""

    async def work(connection: AsyncConnection) -> int:
        await connection.execute(NOTE, {"id": note})
        return note

    return work


async def noted(engine: AsyncEngine) -> list[int]:
    async with engine.connect() as connection:
        return list(await connection.scalars(select(NOTES.c.id).order_by(NOTES.c.id)))


async def passes(times: int = 5) -> None:
    """Let the loop go round."""
    for _ in range(times):
        await asyncio.sleep(0)


async def test_writes_that_are_ready_together_share_a_commit(engine: AsyncEngine, writer: Writer) -> None:
    """Each gets the result of its own work."""
    with counted("commit") as commits:
        results = await asyncio.gather(*(writer.write(noting(note)) for note in range(20)))

    assert (results, len(commits)) == (list(range(20)), 1)
    assert await noted(engine) == results


async def test_rows_of_one_statement_are_sent_together(engine: AsyncEngine, writer: Writer) -> None:
    """Twenty rows are one execution and one commit."""
    with counted("commit") as commits, counted("before_cursor_execute") as statements:
        await asyncio.gather(*(writer.post(NOTE, {"id": note}) for note in range(20)))

    begins = 1 if engine.dialect.name == "sqlite" else 0
    assert (len(commits), len(statements) - begins) == (1, 1)
    assert await noted(engine) == list(range(20))


async def test_a_row_that_is_not_urgent_waits_for_the_next_write(engine: AsyncEngine, writer: Writer) -> None:
    """It begins no transaction, and stands in that one before the work."""
    posted = writer.post(NOTE, {"id": 1}, urgent=False)
    await passes()
    assert not posted.done()

    async def read(connection: AsyncConnection) -> list[int]:
        return list(await connection.scalars(select(NOTES.c.id)))

    assert await writer.write(read) == [1]
    assert await posted is None


async def test_a_flush_waits_for_all_that_was_posted(engine: AsyncEngine, writer: Writer) -> None:
    """Urgent or not."""
    posted = [writer.post(NOTE, {"id": note}, urgent=note > 5) for note in range(10)]
    await writer.flush()

    assert all(each.done() for each in posted)
    assert await noted(engine) == list(range(10))


async def test_a_failing_write_answers_only_for_itself(engine: AsyncEngine, writer: Writer) -> None:
    """Its neighbours of the same commit are written without it."""
    await writer.write(noting(7))
    writes: list[Awaitable[Any]] = [writer.write(noting(note)) for note in (1, 7, 2)]
    results = await asyncio.gather(*writes, writer.post(NOTE, {"id": 7}), return_exceptions=True)

    assert [result if isinstance(result, int) else type(result) for result in results] == [
        *[1, IntegrityError, 2, IntegrityError]
    ]
    assert await noted(engine) == [1, 2, 7]


async def test_a_failing_row_that_nobody_awaits_stops_nothing(engine: AsyncEngine, writer: Writer) -> None:
    """The writer goes on."""
    failing = [writer.post(NOTE, {"id": 1}) for _ in range(2)]
    await asyncio.wait(failing)

    assert [type(each.exception()) for each in failing] == [type(None), IntegrityError]
    assert await writer.write(noting(2)) == 2


async def test_who_gives_up_waiting_holds_up_nobody(engine: AsyncEngine, writer: Writer) -> None:
    """A cancelled write may still happen; its neighbours get their answers."""
    first, second = (asyncio.create_task(writer.write(noting(note))) for note in (1, 2))
    await passes(1)
    first.cancel()

    assert await second == 2
    assert first.cancelled()
    assert set(await noted(engine)) >= {2}


async def test_leaving_commits_what_was_posted(engine: AsyncEngine) -> None:
    """Even what nobody waits for; afterwards nothing is taken any more."""
    async with Writer(engine) as writer:
        posted = writer.post(NOTE, {"id": 1}, urgent=False)
    assert posted.done()
    assert await noted(engine) == [1]

    with pytest.raises(NotOpenError):
        await writer.write(noting(2))
    with pytest.raises(NotOpenError):
        writer.post(NOTE, {"id": 3})


@contextmanager
def lost_at_its_first_commit(url: str) -> Generator[None]:
    """The server ends the connection when it is about to commit."""
    lost = list[int]()

    def lose(connection: Connection) -> None:
        if not lost:
            driver: Any = connection.connection.dbapi_connection
            lost.append(driver.info.backend_pid)
            execute(url, f"SELECT pg_terminate_backend({lost[0]}, 10000)")

    event.listen(Engine, "commit", lose)
    yield
    event.remove(Engine, "commit", lose)


async def note_all(connection: AsyncConnection, wanted: Sequence[int]) -> list[int]:
    """Shared work that may be repeated."""
    await connection.execute(upsert(NOTES).on_conflict_do_nothing(), [{"id": note} for note in wanted])
    return list(wanted)


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_what_may_have_been_committed_is_repeated_only_where_that_does_no_harm(
    engine: AsyncEngine, writer: Writer, empty_url: str
) -> None:
    """Shared work is; other work raises, alone or beside it."""
    with lost_at_its_first_commit(empty_url):
        assert await writer.share(note_all, 1) == 1
    with lost_at_its_first_commit(empty_url), pytest.raises(CommitUnknownError):
        await writer.write(noting(2))
    with lost_at_its_first_commit(empty_url):
        both = await asyncio.gather(writer.share(note_all, 3), writer.write(noting(4)), return_exceptions=True)

    assert (both[0], type(both[1])) == (3, CommitUnknownError)
    assert await noted(engine) == [1, 3]


MIXES = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["write", "post", "later", "pause"])), max_size=25)


@settings(max_examples=40, deadline=None)
@given(mix=MIXES)
def test_every_write_is_answered_and_only_its_own_fault_counts(mix: list[tuple[int, str]]) -> None:
    """In whatever mix they come: of those that write one note, one is told that it did."""
    with TemporaryDirectory() as folder:
        answers, kept = asyncio.run(written(f"sqlite:///{Path(folder) / 'notes.db'}", mix))

    asked = [note for note, how in mix if how != "pause"]
    assert len(answers) == len(asked)
    done = [note for note, answer in zip(asked, answers, strict=True) if not isinstance(answer, BaseException)]
    assert sorted(done) == kept == sorted(set(asked))


async def written(url: str, mix: list[tuple[int, str]]) -> tuple[list[Any], list[int]]:
    """The answers to the writes, and the notes that were kept."""
    async with notes(url) as engine:
        answers: list[asyncio.Future[Any]] = []
        async with Writer(engine) as writer:
            for note, how in mix:
                match how:
                    case "write":
                        answers.append(asyncio.ensure_future(writer.write(noting(note))))
                    case "pause":
                        await passes(note)
                    case _:
                        answers.append(writer.post(NOTE, {"id": note}, urgent=how == "post"))
            await passes(1)
        return await asyncio.gather(*answers, return_exceptions=True), await noted(engine)
