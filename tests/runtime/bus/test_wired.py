"""How a connection is held, whatever server it leads to; on one without a server, whose answers a test gives."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from stand_ins.jumping_clock import in_jumping_time
from trunkline.runtime.bus.bus import Heard, Missed
from trunkline.runtime.bus.switchboard import Switchboard
from trunkline.runtime.bus.wired import Letter, Wire, WiredBus


@dataclass(slots=True)
class Station:
    """Where the connections lead to: what comes is passed back, unless it is out of order."""

    refusals: int = 0
    """How many connections are refused before one is taken."""

    mute: bool = False
    """Whether it takes messages without an end."""

    connections: int = 0
    sent: list[Letter] = field(default_factory=list[Letter])
    broken: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def dial(self, switchboard: Switchboard) -> AsyncGenerator[Wire]:
        """Take a connection."""
        self.connections += 1
        if self.connections <= self.refusals:
            raise ConnectionRefusedError
        self.broken.clear()
        yield _Connection(self, switchboard)


class _Connection:
    def __init__(self, station: Station, switchboard: Switchboard) -> None:
        self._station, self._switchboard = station, switchboard

    async def run(self) -> None:
        await self._station.broken.wait()
        raise ConnectionResetError

    async def subscribe(self, topics: Collection[str]) -> None:
        pass

    async def unsubscribe(self, topics: Collection[str]) -> None:
        pass

    async def send(self, letters: Sequence[Letter]) -> None:
        if self._station.mute:
            await asyncio.Event().wait()
        self._station.sent += letters
        for topic, message in letters:
            self._switchboard.pass_on(topic, message)


def test_an_outage_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """However often it was tried to connect meanwhile."""
    station = Station(refusals=20)

    async def work() -> None:
        async with WiredBus(station.dial, shown="x") as bus, bus.listen("run:1") as listener:
            assert await anext(listener) == Missed()

    in_jumping_time(work())

    assert caplog.messages == ["bus.lost bus=x error=ConnectionRefusedError: ", "bus.restored bus=x"]
    assert station.connections == 21


def test_a_broken_connection_is_made_again_and_told() -> None:
    """What is published meanwhile comes behind that."""
    station = Station()

    async def work() -> list[object]:
        async with WiredBus(station.dial, shown="x") as bus, bus.listen("run:1") as listener:
            station.broken.set()
            first = await anext(listener)
            await bus.publish("run:1", b"again")
            return [first, await anext(listener)]

    assert in_jumping_time(work()) == [Missed(), Heard(topic="run:1", message=b"again")]


def test_a_server_that_does_not_answer_is_given_up() -> None:
    """Until then a publisher waits a moment for room, and the oldest message makes it."""
    station = Station(mute=True)

    async def work() -> float:
        clock, longest = asyncio.get_running_loop(), 0.0
        async with WiredBus(station.dial, shown="x") as bus:
            for number in range(2_000):
                began = clock.time()
                await bus.publish("run:1", str(number).encode())
                longest = max(longest, clock.time() - began)
        return longest

    assert in_jumping_time(work()) == pytest.approx(0.25)
    assert station.connections > 1


def test_a_bus_that_is_down_keeps_the_newest_messages() -> None:
    """They are sent in order when it is back."""
    station = Station(refusals=3)

    async def work() -> None:
        async with WiredBus(station.dial, shown="x") as bus, bus.listen("run:1") as listener:
            for number in range(5_000):
                await bus.publish("run:1", str(number).encode())
            while await anext(listener) != Heard(topic="run:1", message=b"4999"):
                pass

    in_jumping_time(work())

    assert station.sent == [("run:1", str(number).encode()) for number in range(5_000 - 1_024, 5_000)]


def test_rings_that_wait_are_sent_as_one() -> None:
    """The server need not carry what nobody needs."""
    station = Station()

    async def work() -> None:
        async with WiredBus(station.dial, shown="x") as bus:
            for _ in range(2):
                for _ in range(100):
                    await bus.publish("queue:a")
                await bus.publish("queue:b")
            assert not station.sent

    in_jumping_time(work())

    assert station.sent == [("queue:a", b""), ("queue:b", b"")]


def test_a_ring_that_was_cancelled_does_not_silence_the_next() -> None:
    """It stood in the way of nobody: it was never sent."""
    station = Station(mute=True)

    async def work() -> None:
        async with WiredBus(station.dial, shown="x") as bus, bus.listen("queue:a") as listener:
            for number in range(1_024 + 256 + 1):  # one batch is under way, and the room behind it is full
                await bus.publish("run:1", str(number).encode())
            ring = asyncio.create_task(bus.publish("queue:a"))
            await asyncio.sleep(0)
            assert ring.cancel()
            station.mute = False
            await bus.publish("queue:a")
            assert [await anext(listener), await anext(listener)] == [Missed(), Heard(topic="queue:a")]

    in_jumping_time(work())
