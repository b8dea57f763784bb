"""Schedules: when they are due, what becomes of moments that were missed, and that no moment's run is there twice."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stand_ins.interviews import GRAPHS, interviewing
from stand_ins.processes import bury, run_until_it_dies
from stand_ins.schedule_keeping import Book, fire_and_die, opened
from trunkline import Trunkline
from trunkline.errors import QueueFullError, ScheduleError, UnknownScheduleError
from trunkline.runtime.queue.schedule import Due, Misfire, Schedule, due, next_moment
from trunkline.runtime.queue.topics import queue_topic
from trunkline.runtime.storage.database import Database

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def report(*, name: str = "report", cron: str = "0 * * * *", misfire: Misfire = Misfire.ONCE) -> Schedule:
    """Return a schedule, hourly unless told otherwise."""
    return Schedule(
        name=name,
        tenant="",
        cron=cron,
        zone="UTC",
        misfire=misfire,
        thread_id=None,
        graph="chat",
        reference="chat",
        given=b"",
        queue="default",
        priority=0,
    )


@pytest.fixture
async def book(url: str) -> AsyncGenerator[Book]:
    async with opened(url) as one:
        yield one


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("0 9 * * 1-5", "2026-03-27T10:00", "2026-03-30T07:00"),  # Friday to Monday, and to summer time
        ("30 2 * * *", "2026-03-29T00:00", "2026-03-29T01:00"),  # 02:30 is left out by the clocks: at once afterwards
        ("30 2 * * *", "2026-10-25T00:00", "2026-10-25T00:30"),  # 02:30 is there twice: the first time
        ("30 2 * * *", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("*/30 * * * *", "2026-10-25T00:30", "2026-10-25T01:00"),  # through both hours
    ],
)
def test_clocks_that_are_changed(cron: str, after: str, expected: str) -> None:
    """A daily moment is there once a day, in Berlin as with Debian's cron."""
    at = next_moment(cron, "Europe/Berlin", datetime.fromisoformat(after).replace(tzinfo=UTC))

    assert at.isoformat() == f"{expected}:00+00:00"


@pytest.mark.parametrize(
    ("cron", "zone", "problem"),
    [
        ("0 9 * *", "UTC", "wrong number of fields"),
        ("0 25 * * *", "UTC", "bad hour"),
        ("0 9 * * *", "Europe/Bonn", "there is no such time zone"),
        ("0 9 * * *", "../etc", "there is no such time zone"),
        ("0 9 31 2 *", "UTC", "bad day-of-month"),
    ],
)
async def test_a_schedule_without_moments_is_refused(url: str, cron: str, zone: str, problem: str) -> None:
    """When it is declared; nothing is on record."""
    async with interviewing(url) as line:
        with pytest.raises(ScheduleError, match=problem):
            await line.schedule("report", "chat", "hello", cron=cron, zone=zone)
        assert await line.schedules() == []


@pytest.mark.parametrize(
    ("misfire", "moments"),
    [(Misfire.SKIP, []), (Misfire.ONCE, ["09:00:00Z"]), (Misfire.ALL, ["09:00:00Z", "10:00:00Z", "11:00:00Z"])],
)
async def test_moments_that_were_missed(book: Book, misfire: Misfire, moments: list[str]) -> None:
    """None, one or each of them has a run, and the next one is in time."""
    await book.schedules.declare(report(misfire=misfire))
    book.clock.move(3.5 * 3600)
    await book.scheduler.look()
    missed = await book.moments()
    book.clock.move(0.5 * 3600)
    await book.scheduler.look()

    assert (missed, await book.moments()) == (moments, [*moments, "12:00:00Z"])


@given(seconds=st.integers(0, 20_000))
def test_each_missed_moment_is_dealt_with_once(seconds: int) -> None:
    """However long nobody looked, the moments follow one another without a gap, a hundred at a time."""
    now = datetime.fromtimestamp(NINE.timestamp() + seconds, UTC)
    found: list[datetime] = []
    todo = Due(moments=[], next_at=NINE)
    while todo.next_at <= now:
        todo = due("* * * * *", "UTC", Misfire.ALL, todo.next_at, now)
        assert 0 < len(todo.moments) <= 100
        found += todo.moments

    assert [(later - earlier).total_seconds() for earlier, later in pairwise([*found, todo.next_at])] == [60] * len(
        found
    )
    assert len(found) == seconds // 60 + 1


async def test_several_schedulers_fire_once(url: str) -> None:
    """A moment's run is there once, and nobody is held up."""
    async with opened(url) as one, opened(url) as other:
        for name in ("report", "digest"):
            await one.schedules.declare(report(name=name))
        for book in (one, other):
            book.clock.move(3600)
        fired = await asyncio.gather(*[book.scheduler.look() for book in (one, other, one, other)])

        assert sorted(len(runs) for runs in fired) in ([0, 0, 0, 2], [0, 0, 1, 1])
        assert len(await one.moments()) == 2


async def test_a_clock_that_goes_back_fires_nothing_again(book: Book) -> None:
    """Not even when the schedule is declared anew meanwhile, with something else to say."""
    await book.schedules.declare(report())
    book.clock.move(3600)
    await book.scheduler.look()
    book.clock.move(-1800)
    await book.schedules.remove("", "report")
    await book.schedules.declare(report(misfire=Misfire.ALL))
    book.clock.move(1800)
    await book.scheduler.look()

    assert await book.moments() == ["09:00:00Z"]


async def test_a_scheduler_that_is_killed_leaves_its_work(url: str) -> None:
    """Nothing of it is on record, and another submits the run."""
    async with opened(url) as book:
        await book.schedules.declare(report())
    await asyncio.to_thread(run_until_it_dies, fire_and_die, url)
    bury(url)
    async with opened(url) as book:
        book.clock.move(3600)
        before = await book.moments()
        await book.scheduler.look()

        assert (before, await book.moments()) == ([], ["09:00:00Z"])


async def test_a_full_queue_holds_up_its_own_schedule_only(book: Book, database: Database) -> None:
    """It is due until there is room."""
    await database.tenants.change("", max_queued=2)
    await book.schedules.declare(report(misfire=Misfire.ALL))
    book.clock.move(4 * 3600)
    fired = await book.schedules.fire_next()
    again = await book.schedules.fire_next([("", "report")])

    assert fired
    assert isinstance(fired.problem, QueueFullError)
    assert (await book.moments(), again) == (["09:00:00Z", "10:00:00Z"], None)
    (schedule,) = await book.schedules.all("")
    assert schedule.next_at == NINE.replace(hour=11)


async def test_declared_again_it_stays_due(book: Book) -> None:
    """Unless its moments are others; so it may be declared at every start."""
    await book.schedules.declare(report())
    book.clock.move(5400)
    await book.schedules.declare(report(misfire=Misfire.ALL))
    (same,) = await book.schedules.all("")
    await book.schedules.declare(report(cron="45 * * * *"))
    (other,) = await book.schedules.all("")

    assert (same.next_at, same.misfire) == (NINE, Misfire.ALL)
    assert other.next_at == NINE.replace(minute=45)


async def test_what_passes_while_it_rests_is_not_missed(book: Book) -> None:
    """It goes on with the next moment."""
    await book.schedules.declare(report(misfire=Misfire.ALL))
    await book.schedules.pause("", "report", paused=True)
    book.clock.move(3 * 3600)
    resting = await book.scheduler.look()
    await book.schedules.pause("", "report", paused=False)
    book.clock.move(3600)
    await book.scheduler.look()

    assert (resting, await book.moments()) == ([], ["12:00:00Z"])


async def test_schedules_belong_to_their_tenant(url: str) -> None:
    """Others neither see nor stop them."""
    async with (
        Trunkline(url, tenant="a", graphs={"chat": GRAPHS["chat"]()}) as line,
        Trunkline(url, tenant="b", graphs={"chat": GRAPHS["chat"]()}) as other,
    ):
        await line.schedule("report", "chat", "hello", cron="0 9 * * 1-5", zone="Europe/Berlin", thread="t")
        with pytest.raises(UnknownScheduleError, match="there is no schedule 'report'"):
            await other.unschedule("report")

        assert ([one.thread_id for one in await line.schedules()], await other.schedules()) == (["a/t"], [])
        await line.unschedule("report")
        assert await line.schedules() == []


async def test_workers_keep_schedules(url: str, database: Database) -> None:
    """A run of a schedule comes into its queue by itself."""
    async with interviewing(url) as line, line.worker(queues=["other"]):
        opened_line = line._require_open()  # pyright: ignore[reportPrivateUsage]
        async with opened_line.database.bus.listen(queue_topic("default")) as heard:
            await line.schedule("tick", "chat", "hello", cron="* * * * * *")
            await heard.next(within=30)
        await line.pause_schedule("tick")

        (newest, *_) = await database.runs.latest(limit=1)
        assert newest.run.asked == "schedule tick"
