"""What every bus promises: in one process, over PostgreSQL, Redis and NATS, on real servers."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import cast

import pytest

from stand_ins.bus_servers import BusServer, NoServer, bus_server, echo
from stand_ins.processes import kept_running
from trunkline.runtime.bus.bus import Bus, Heard, Listener, Missed
from trunkline.runtime.bus.mailbox import CAPACITY
from trunkline.runtime.bus.opening import open_bus

DEADLINE = 20.0
KINDS = ["memory", "postgresql", "redis", "nats"]
with_servers = pytest.mark.parametrize("kind", KINDS[1:])


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which bus the test runs on."""
    return request.param


@pytest.fixture
def server(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Generator[BusServer | NoServer]:
    """What the bus leads to. No connection may be left at the end: PostgreSQL checks that."""
    postgres = request.getfixturevalue("postgres") if kind == "postgresql" else None
    with bus_server(kind, tmp_path, postgres) as running:
        yield running


@pytest.fixture
def mortal(server: BusServer | NoServer) -> BusServer:
    """A server that can be killed."""
    return cast("BusServer", server)


@pytest.fixture
async def stack() -> AsyncGenerator[AsyncExitStack]:
    """What the test has opened; no task of it may be left at the end."""
    async with AsyncExitStack() as opened:
        yield opened
    for _ in range(10):  # a driver that closes cancels its tasks, and does not wait for them
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.fixture
async def ends(server: BusServer | NoServer, stack: AsyncExitStack) -> list[Bus]:
    """Two ends of a bus, as two processes have; in one process it is the same object."""
    first, second = [await stack.enter_async_context(open_bus(server.url, "sqlite:///unused.db")) for _ in range(2)]
    return [first, first if isinstance(server, NoServer) else second]


async def heard(listener: Listener, count: int) -> list[Heard | Missed | None]:
    """Return the next so many."""
    return [await listener.next(within=DEADLINE) for _ in range(count)]


async def messages(listener: Listener, count: int) -> list[bytes]:
    """Return the next so many messages, none of which may be missing."""
    return [each.message for each in await heard(listener, count) if isinstance(each, Heard)]


async def until_missed(listener: Listener) -> None:
    """Listen until something is missed."""
    while not isinstance(await listener.next(within=DEADLINE), Missed):
        pass


async def test_everybody_who_listens_hears(ends: list[Bus]) -> None:
    """A message is never popped by one of them."""
    here, there = ends
    async with here.listen("run:1") as first, there.listen("run:1") as second, there.listen("run:1") as third:
        await here.publish("run:1", b"hello")

        assert [await messages(each, 1) for each in (first, second, third)] == [[b"hello"]] * 3


async def test_nobody_hears_what_is_for_others(ends: list[Bus]) -> None:
    """Topics that begin alike, or look like patterns, are different topics."""
    here, there = ends
    async with there.listen("run:1") as listener:
        for topic in ("run:12", "run:*", "run", "run:1.2", "run:>", "RUN:1", "run:1"):
            await here.publish(topic, topic.encode())

        assert await messages(listener, 1) == [b"run:1"]


@pytest.mark.parametrize("topic", ["queue:after call", "queue:Ärger.*", "queue:" + "x" * 200, "queue:a'b\"c;%s"])
async def test_a_topic_may_have_any_name(ends: list[Bus], topic: str) -> None:
    """It is heard as it was written."""
    here, there = ends
    async with there.listen(topic) as listener:
        await here.publish(topic)

        assert await heard(listener, 1) == [Heard(topic=topic)]


async def test_one_listener_hears_several_topics(ends: list[Bus]) -> None:
    """A worker waits for its queues and for its own name in one place."""
    here, there = ends
    async with there.listen("queue:a", "queue:b", "worker:7") as listener:
        await here.publish("queue:b")
        await here.publish("worker:7", b'{"cancel": "r1"}')

        assert await heard(listener, 2) == [
            Heard(topic="queue:b"),
            Heard(topic="worker:7", message=b'{"cancel": "r1"}'),
        ]


async def test_messages_come_in_the_order_of_their_sending(ends: list[Bus]) -> None:
    """Also those that are equal to the one before."""
    here, there = ends
    said = [f"token {number // 3}".encode() for number in range(600)]
    async with there.listen("run:1") as listener:
        for message in said:
            await here.publish("run:1", message)

        assert await messages(listener, len(said)) == said


async def test_a_message_may_have_any_size_and_content(ends: list[Bus]) -> None:
    """Those of two publishers, that are under way at once, do not mix."""
    here, there = ends
    big = [Random(seed).randbytes(2_500_000 + seed) for seed in (1, 2)]
    async with there.listen("run:1") as listener:
        await asyncio.gather(here.publish("run:1", big[0]), there.publish("run:1", big[1]))

        assert sorted(await messages(listener, 2), key=len) == big


async def test_a_ring_that_was_not_picked_up_stands_for_all(ends: list[Bus]) -> None:
    """Picked up, the next one rings again."""
    here, there = ends
    async with there.listen("queue:a") as slow, there.listen("queue:a") as witness:
        for turn in (b"1", b"2"):
            for _ in range(50):
                await here.publish("queue:a")
            await here.publish("queue:a", turn)
            while await heard(witness, 1) != [Heard(topic="queue:a", message=turn)]:
                pass

            assert await messages(slow, 2) == [b"", turn]


async def test_a_full_listener_loses_the_oldest_and_is_told(ends: list[Bus]) -> None:
    """It holds up nobody, and the gap stands where the messages would have stood."""
    here, there = ends
    said = [str(number).encode() for number in range(CAPACITY + 10)]
    async with there.listen("run:1") as slow, there.listen("run:1") as quick:
        for message in said:
            await here.publish("run:1", message)
            assert await messages(quick, 1) == [message]

        assert await heard(slow, 1) == [Missed()]
        assert await messages(slow, CAPACITY - 1) == said[-(CAPACITY - 1) :]


async def test_who_listens_no_more_hears_no_more(ends: list[Bus]) -> None:
    """The topic may be listened to again, at once, and by others all the time."""
    here, there = ends
    async with there.listen("run:1") as other:
        for number in range(20):
            async with there.listen("run:1", f"run:{number}") as listener:
                await here.publish(f"run:{number}", b"first")
                assert await messages(listener, 1) == [b"first"]
            async with there.listen(f"run:{number}") as listener:
                await here.publish(f"run:{number}", b"second")
                assert await messages(listener, 1) == [b"second"]

        assert await messages(other, 2) == [b"first", b"second"]


async def test_nothing_comes_within_the_time(ends: list[Bus]) -> None:
    """What comes later is not lost by that."""
    here, there = ends
    async with there.listen("queue:a") as listener:
        assert await listener.next(within=0.001) is None
        await here.publish("queue:a")

        assert await heard(listener, 1) == [Heard(topic="queue:a")]


async def test_a_cancelled_listener_leaves_nothing_behind(ends: list[Bus]) -> None:
    """Wherever it is: the fixtures look for tasks and connections."""
    _, there = ends

    async def listen() -> None:
        async with there.listen("queue:a") as listener, asyncio.timeout(None):
            await anext(listener)

    for passes in range(30):
        task = asyncio.create_task(listen())
        for _ in range(passes):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

        assert task.cancelled()


@with_servers
async def test_an_opening_that_is_cancelled_leaves_nothing_behind(server: BusServer, stack: AsyncExitStack) -> None:
    """Wherever it is."""
    del stack

    async def work() -> None:
        async with open_bus(server.url, "sqlite:///unused.db") as bus, bus.listen("queue:a") as listener:
            await anext(listener)

    for passes in range(0, 60, 3):
        task = asyncio.create_task(work())
        for _ in range(passes):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

        assert task.cancelled()


@with_servers
async def test_what_was_published_last_is_sent_before_the_bus_closes(server: BusServer, ends: list[Bus]) -> None:
    """A command that signals a worker and ends is not in vain."""
    async with ends[1].listen("worker:7") as listener:
        async with open_bus(server.url, "sqlite:///unused.db") as short:
            await short.publish("worker:7", b"cancel")

        assert await messages(listener, 1) == [b"cancel"]


@with_servers
async def test_another_process_hears_and_answers(server: BusServer, stack: AsyncExitStack) -> None:
    """The bus leads there and back."""
    with kept_running(echo, server.url):
        here = await stack.enter_async_context(open_bus(server.url, "sqlite:///unused.db"))
        async with here.listen("run:echo") as listener:
            await here.publish("run:call", b"\x00 anybody there?")

            assert await messages(listener, 1) == [b"\x00 anybody there?"]


@with_servers
async def test_a_listener_is_told_that_the_server_was_away(mortal: BusServer, ends: list[Bus]) -> None:
    """It hears what comes from then on, on the topics that it has."""
    here, there = ends
    async with here.listen("run:1") as near, there.listen("run:1") as far:
        mortal.kill()
        await here.publish("run:1", b"perhaps")
        mortal.start()
        for listener in (near, far):
            await until_missed(listener)
        await here.publish("run:1", b"again")

        for listener in (near, far):
            while await messages(listener, 1) != [b"again"]:
                pass


@with_servers
async def test_a_bus_that_is_down_holds_up_nobody(
    mortal: BusServer, stack: AsyncExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    """It opens, takes messages beyond its room and lets listen; the newest are sent when the server has come."""
    mortal.kill()
    bus = await stack.enter_async_context(open_bus(mortal.url, "sqlite:///unused.db"))
    async with bus.listen("run:1") as listener:
        for number in range(5_000):
            await bus.publish("run:1", str(number).encode())
        mortal.start()
        await until_missed(listener)

    assert [record.getMessage().split()[0] for record in caplog.records] == ["bus.lost", "bus.restored"]
