"""Who lives and who is dead, by the database's clock alone: real processes, real leases, on PostgreSQL."""

import asyncio
import signal
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from stand_ins.short_leases import LEASE, graph, worker
from trunkline import Trunkline
from trunkline.runtime.queue.status import RunStatus
from trunkline.runtime.storage.database import Database
from trunkline.runtime.storage.queue.presence import WorkerInfo
from trunkline.runtime.workers.presence import Presence
from trunkline.runtime.workers.reaper import Reaper

pytestmark = pytest.mark.parametrize("backend", ["postgresql"])
_OVER = "SELECT lease_until < extract(epoch FROM clock_timestamp()) * 1000000 FROM workers"


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another process or thread
            await asyncio.sleep(0.02)


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


@asynccontextmanager
async def present(database: Database, *, lease: float, max_stall: float = 60.0) -> AsyncGenerator[Presence]:
    """A worker that is on record and renews its lease."""
    presence = Presence(database, lease=lease, max_stall=max_stall)
    await presence.arrive()
    try:
        yield presence
    finally:
        await presence.leave()


async def test_a_worker_that_was_frozen_beyond_its_lease_writes_nothing(
    url: str, database: Database, tmp_path: Path
) -> None:
    """Another goes on with its run meanwhile; thawed, it is refused, and the run ends once."""
    told = tmp_path / "told"
    async with Trunkline(url, graphs={"slow": graph()}) as line, worker(url) as frozen:
        run_id = await line.submit("slow", str(told), thread="t")
        await until(lambda: len(lines(told)) == 1)
        frozen.send_signal(signal.SIGSTOP)
        async with worker(url) as second:
            await until(lambda: len(lines(told)) == 2)
            (tmp_path / "go").touch()
            frozen.send_signal(signal.SIGCONT)
            run = await line.wait(run_id, within=30)

            assert lines(told) == [str(frozen.pid), str(second.pid)]
            assert (run.status, run.answer, run.crashes) == (RunStatus.SUCCEEDED, str(second.pid), 1)
            await asyncio.wait_for(frozen.wait(), 30)
    states = {record.pid: record.state for record in await database.workers.all()}
    assert states[frozen.pid] == "dead"


async def test_wrong_clocks_change_nothing(url: str, database: Database, tmp_path: Path) -> None:
    """Workers a minute ahead and a minute behind live through many leases, and nobody reaps anybody."""
    async with (
        Trunkline(url, graphs={"slow": graph()}) as line,
        worker(url, skew=60.0),
        worker(url, skew=-60.0),
    ):
        run_ids = [await line.submit("slow", str(tmp_path / f"{n}"), thread=f"t{n}") for n in range(4)]
        begun = {worker.id: lease_ends(url)[worker.id] for worker in await database.workers.serving()}
        async with asyncio.timeout(60):
            while not await have_renewed(url, database, begun, seconds=3 * LEASE):  # noqa: ASYNC110 - by other processes
                await asyncio.sleep(0.1)
        (tmp_path / "go").touch()
        runs = [await line.wait(run_id, within=30) for run_id in run_ids]

    assert {(run.status, run.crashes) for run in runs} == {(RunStatus.SUCCEEDED, 0)}
    assert len(begun) == 2


async def have_renewed(url: str, database: Database, begun: dict[str, int], *, seconds: float) -> bool:
    """Whether the leases of all have moved on so far. Nobody may be declared dead meanwhile."""
    assert {record.state for record in await database.workers.all() if record.id in begun} == {"alive"}
    ends = lease_ends(url)
    return all(ends[name] - begun[name] > seconds * 1e6 for name in begun)


def lease_ends(url: str) -> dict[str, int]:
    """When the lease of each worker ends, in microseconds of the database's clock."""
    with psycopg.connect(url, autocommit=True) as connection:
        return dict(connection.execute("SELECT id, lease_until FROM workers").fetchall())


async def test_a_blocked_event_loop_is_not_given_up(url: str, database: Database) -> None:
    """The heartbeat has a thread and a connection of its own."""
    async with present(database, lease=1.0) as presence:
        renewed_at = lease_ends(url)[presence.id]

        assert blocked_until(url, f"SELECT lease_until > {renewed_at + 2_000_000} FROM workers", (True,))
        assert not (await database.queue.reap()).workers
        assert not presence.dead.is_set()


def blocked_until(url: str, query: str, answer: tuple[object, ...]) -> bool:
    """Block the event loop until the query is answered so; False when that takes too long."""
    end = time.monotonic() + 30
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(query.encode()).fetchone() != answer:
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
    return True


async def test_a_loop_that_is_blocked_too_long_stops_the_heartbeat(url: str, database: Database) -> None:
    """Its lease ends, and others may take over."""
    async with present(database, lease=0.8, max_stall=0.5):
        assert blocked_until(url, _OVER, (True,))


async def test_a_reaper_judges_nobody_after_an_outage(database: Database, url: str) -> None:
    """All leases are over then. It waits until its own has been renewed for the length of one without a gap."""
    async with present(database, lease=1.0) as presence, present_for_others(database) as other:
        await until(lambda: presence.steady)
        with psycopg.connect(url) as outage:
            outage.execute("SELECT 1 FROM workers FOR UPDATE")
            await until(lambda: presence.suspect)
        await until(lambda: not presence.suspect)

        assert not presence.steady
        assert not (await Reaper(database, presence).look()).workers
        await until(lambda: presence.steady)
        assert list((await Reaper(database, presence).look()).workers) == [other]


@asynccontextmanager
async def present_for_others(database: Database) -> AsyncGenerator[str]:
    """A worker of another machine, whose lease is over."""
    info = WorkerInfo(id="other", host="elsewhere", pid=1, version="0", queues=["default"], slots=1)
    await database.queue.arrive(info, lease=0.0)
    yield info.id
