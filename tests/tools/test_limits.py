"""Limits."""

import asyncio

import pytest

from stand_ins.calls import Crowd, ask, origin, outcomes
from trunkline.tools import CallExecutor, Engine, Limits, Tool, Toolbox, ToolCall, tool
from trunkline.tools.binding import bind


def busy(crowd: Crowd, *, name: str = "busy", limit: int | None = None) -> Tool:
    """A read that shows how many run at once."""

    @tool(effect="read", name=name, limit=limit)
    async def work(n: int) -> int:
        """Work."""
        with crowd:
            for _ in range(5):
                await asyncio.sleep(0)
        return n

    return work


async def test_a_tools_limit_holds_across_batches() -> None:
    """Turns that share an executor share its slots, and use all of them."""
    crowd, executor = Crowd(), CallExecutor()
    made = busy(crowd, limit=3)
    batches = [outcomes([made], *[ask(made, n=n) for n in range(8)], executor=executor) for _ in range(4)]
    await asyncio.gather(*batches)

    assert crowd.peak == 3


async def test_the_limit_of_all_calls_holds_across_tools() -> None:
    """However many tools there are, and however many batches."""
    crowd, executor = Crowd(), CallExecutor(Engine(limits=Limits(calls=4)))
    tools = [busy(crowd, name=f"busy_{n}", limit=2) for n in range(5)]
    requests = [ask(made, n=n) for made in tools for n in range(4)]
    await asyncio.gather(*(outcomes(tools, *requests, executor=executor) for _ in range(2)))

    assert crowd.peak == 4


async def test_a_queue_for_one_tool_holds_up_no_other() -> None:
    """Calls that wait for a busy tool do not sit in the slots of all."""
    gate = asyncio.Event()

    @tool(effect="read", limit=1)
    async def slow() -> None:
        """Wait for the other tool."""
        await gate.wait()

    @tool(effect="read")
    async def free() -> None:
        """Open the gate."""
        gate.set()

    executor = CallExecutor(Engine(limits=Limits(calls=2)))
    await outcomes([slow, free], *[ask(slow)] * 5, ask(free), executor=executor)
    assert gate.is_set()


async def test_two_tools_that_only_share_their_name_share_no_slots() -> None:
    """Each agent's tool has the limit that it declares."""
    one, other, executor = Crowd(), Crowd(), CallExecutor()
    narrow = busy(one, limit=1)

    @tool(effect="read", name="busy", limit=6)
    async def wide(n: int) -> int:
        """Work."""
        with other:
            await asyncio.sleep(0)
        return n

    sides = [outcomes([made], *[ask(made, n=n) for n in range(6)], executor=executor) for made in (narrow, wide)]
    await asyncio.gather(*sides)
    assert (one.peak, other.peak) == (1, 6)


async def test_the_same_tool_made_anew_keeps_its_slots() -> None:
    """Toolboxes that are built for each conversation do not multiply the limit."""
    crowd, executor = Crowd(), CallExecutor()
    made = [busy(crowd, limit=2) for _ in range(6)]
    await asyncio.gather(*(outcomes([each], ask(each, n=1), executor=executor) for each in made))

    assert crowd.peak == 2


async def test_slots_are_handed_out_in_the_order_of_asking() -> None:
    """Nobody is overtaken."""
    order: list[int] = []

    @tool(effect="read", limit=1)
    async def note(n: int) -> None:
        """Note the turn."""
        order.append(n)

    await outcomes([note], *[ask(note, n=n) for n in range(10)])
    assert order == list(range(10))


@pytest.mark.parametrize("limit", [None, 1])
async def test_whoever_gives_up_waiting_leaves_no_slot_held(limit: int | None) -> None:
    """Neither the tool's nor the one of all."""
    limits, made = Limits(calls=1), busy(Crowd(), limit=limit)
    call = bind(Toolbox([made]), ask(made, n=1), origin(), 0)
    assert isinstance(call, ToolCall)

    async def hold() -> None:
        async with limits.slot(call):
            pass

    async with limits.slot(call):
        waiting = asyncio.create_task(hold())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])

    await hold()
    assert waiting.cancelled()


def test_there_must_be_room_for_a_call() -> None:
    """A limit of nothing would wait for ever."""
    with pytest.raises(ValueError, match="calls must be at least 1, got 0"):
        Limits(calls=0)
