"""Events wait for a slow listener in a buffer with a bound, and none is lost."""

import asyncio

from trunkline.runtime.backlog import Backlog
from trunkline.runtime.events import Event, StepFinished, TextStreamed


def text(said: str) -> TextStreamed:
    return TextStreamed(node="model", text=said)


async def heard_by(backlog: Backlog) -> list[Event]:
    events: list[Event] = []
    while (event := await backlog.get()) is not None:
        events.append(event)
    return events


async def test_text_beyond_the_bound_is_joined() -> None:
    """The listener hears every word, in fewer pieces."""
    backlog = Backlog(capacity=2)
    for said in ("one ", "two ", "three ", "four"):
        await backlog.put(text(said))
    backlog.close()

    assert await heard_by(backlog) == [text("one "), text("two three four")]


async def test_the_turn_waits_for_a_listener_who_is_slow() -> None:
    """Beyond the bound an event that is not text waits for room, so that nothing is lost and nothing piles up."""
    backlog = Backlog(capacity=2)
    steps = [StepFinished(node=str(number)) for number in range(10)]
    longest = 0

    async def speak() -> None:
        nonlocal longest
        for step in steps:
            await backlog.put(step)
            longest = max(longest, len(backlog))
        backlog.close()

    speaking = asyncio.create_task(speak())
    assert await heard_by(backlog) == steps
    await speaking
    assert longest == 2


async def test_a_turn_that_waits_for_room_can_be_cancelled() -> None:
    """Who listens no more does not hold up the end of the turn."""
    backlog = Backlog(capacity=1)
    await backlog.put(StepFinished(node="first"))
    waiting = asyncio.create_task(backlog.put(StepFinished(node="second")))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    backlog.close()

    assert waiting.cancelled()
    assert await heard_by(backlog) == [StepFinished(node="first")]
