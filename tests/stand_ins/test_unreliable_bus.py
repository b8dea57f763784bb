"""The unreliable bus does what it says."""

from stand_ins.unreliable_bus import UnreliableBus
from trunkline.runtime.bus.bus import Heard
from trunkline.runtime.bus.memory import MemoryBus

SAID = [str(number).encode() for number in range(200)]


async def heard_over(*, seed: int, lost: float = 0.0, repeated: float = 0.0, late: float = 0.0) -> list[bytes]:
    """Return what comes of what was said."""
    bus = UnreliableBus(MemoryBus(), seed=seed, lost=lost, repeated=repeated, late=late)
    async with bus.listen("run:1") as listener:
        for message in SAID:
            await bus.publish("run:1", message)
        await bus.catch_up()
        found: list[bytes] = []
        while isinstance(heard := await listener.next(within=0), Heard):
            found.append(heard.message)
    return found


async def test_it_loses_repeats_and_delays() -> None:
    """Each as often as it is told."""
    assert await heard_over(seed=1) == SAID
    assert set(await heard_over(seed=1, lost=0.2)) < set(SAID)
    assert len(await heard_over(seed=1, repeated=0.2)) > len(SAID)
    late = await heard_over(seed=1, late=0.2)
    assert late != SAID == sorted(late, key=int)
    assert await heard_over(seed=1, lost=1.0) == []


async def test_a_seed_stands_for_a_fate() -> None:
    """What failed can be seen again."""
    rates = {"lost": 0.2, "repeated": 0.2, "late": 0.2}

    assert await heard_over(seed=1, **rates) == await heard_over(seed=1, **rates)
    assert await heard_over(seed=1, **rates) != await heard_over(seed=2, **rates)
