"""PostgreSQL behind a pooler in transaction mode, with more clients than it has connections."""

import asyncio
from collections.abc import Generator

import psycopg
import pytest
from langchain_core.runnables import RunnableConfig
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from stand_ins.checkpoints import at, put, values
from stand_ins.databases import postgres_database
from stand_ins.transaction_pooler import TransactionPooler, transaction_pooler
from trunkline import SQLAlchemySaver
from trunkline.runtime.storage.database import check_database, upgrade_database
from trunkline.runtime.storage.engine import open_engine
from trunkline.runtime.storage.migration import wanted_revision
from trunkline.runtime.storage.transactions import Transactions
from trunkline.runtime.storage.url import parse_url

CLIENTS, THREADS, TURNS = 4, 3, 5


@pytest.fixture
def pooled(postgres: str) -> Generator[tuple[str, TransactionPooler]]:
    """A URL that leads to an empty database through a pooler, and that."""
    with postgres_database(postgres) as direct, transaction_pooler(direct) as url_and_pooler:
        yield url_and_pooler


async def test_many_clients_share_few_connections(pooled: tuple[str, TransactionPooler]) -> None:
    """All upgrade at once and write at once; nothing is lost, and nothing left in a session."""
    url, pooler = pooled
    await asyncio.gather(*(upgrade_database(url) for _ in range(CLIENTS)))
    assert await check_database(url) == wanted_revision()

    await asyncio.gather(*(write(url, client) for client in range(CLIENTS)))
    async with SQLAlchemySaver.from_conn_string(url) as saver:
        kept = [thread_of(one.config) async for one in saver.alist(None)]
    expected = [f"{client}-{thread}" for client in range(CLIENTS) for thread in range(THREADS)]
    assert (sorted(kept), pooler.left_behind) == (sorted(expected * TURNS), [])


def thread_of(config: RunnableConfig) -> str:
    return config.get("configurable", {})["thread_id"]


async def write(url: str, client: int) -> None:
    async with SQLAlchemySaver.from_conn_string(url) as saver:
        await asyncio.gather(*(write_thread(saver, f"{client}-{thread}") for thread in range(THREADS)))


async def write_thread(saver: SQLAlchemySaver, thread: str) -> None:
    config = at(thread)
    for turn in range(TURNS):
        config = await put(saver, config, {"turn": turn}, versions={"turn": turn + 1})
        assert await values(saver, config) == {"turn": turn}


async def test_a_read_sees_one_state_of_the_database(pooled: tuple[str, TransactionPooler]) -> None:
    """Its isolation is that of its transaction: the next one on the connection has the usual one again."""
    url, pooler = pooled
    engine = open_engine(parse_url(url))
    transactions = Transactions(engine, threads=1)

    async def isolation(connection: AsyncConnection) -> str | None:
        return await connection.scalar(text("SHOW transaction_isolation"))

    levels = [await work(isolation) for work in (transactions.read, transactions.write) * 5]
    await transactions.aclose()
    await engine.dispose()
    assert levels == ["repeatable read", "read committed"] * 5
    assert pooler.left_behind == []


@pytest.mark.parametrize(
    "statement",
    ["SET search_path TO x", "LISTEN bell", "SELECT pg_advisory_lock(1)", "SELECT set_config('a.b', 'c', false)"],
)
def test_the_pooler_notices_what_is_left_behind(pooled: tuple[str, TransactionPooler], statement: str) -> None:
    """A statement that outlives its transaction; those that do not are nothing to tell."""
    url, pooler = pooled
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        connection.execute("SELECT pg_try_advisory_xact_lock(1)")
        connection.execute(statement.encode())

    assert pooler.left_behind == [statement]


def test_the_pooler_is_as_hard_as_a_real_one(pooled: tuple[str, TransactionPooler]) -> None:
    """A statement that was prepared is unknown, or somebody else's, in one of the next transactions."""
    url, _ = pooled
    with psycopg.connect(url, autocommit=True) as connection, pytest.raises(psycopg.errors.InvalidSqlStatementName):
        repeat(connection)


def repeat(connection: psycopg.Connection) -> None:
    for _ in range(100):
        connection.execute("SELECT 1", prepare=True)
