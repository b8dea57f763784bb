"""Any batch of calls, beside the same calls one by one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stand_ins.calls import Crowd, ask, outcomes
from stand_ins.jumping_clock import in_jumping_time
from trunkline.tools import CallExecutor, Done, Engine, Limits, Outcome, Tool, ToolRequest, tool

THINGS = ("a", "b", "c")
SOME = st.lists(st.sampled_from(THINGS), unique=True, max_size=2)


@dataclass(slots=True)
class Shop:
    """Things with numbers in them, and tools that read, wait, and write: two that overlap lose a change."""

    limit: int | None
    numbers: dict[str, int] = field(default_factory=lambda: dict.fromkeys(THINGS, 0))
    reading: list[set[str]] = field(default_factory=list[set[str]])
    writing: list[set[str]] = field(default_factory=list[set[str]])
    crowd: Crowd = field(default_factory=Crowd)
    crowds: dict[str, Crowd] = field(default_factory=dict[str, Crowd])

    def tools(self) -> list[Tool]:
        async def look(reads: list[str], seconds: float) -> dict[str, int]:
            """Read some things."""
            return await self.touch("look", reads, [], seconds)

        async def look_around(seconds: float) -> dict[str, int]:
            """Read anything."""
            return await self.touch("look_around", THINGS, [], seconds)

        async def change(number: int, reads: list[str], writes: list[str], seconds: float) -> dict[str, int]:
            """Change some things by others."""
            return await self.touch("change", reads, writes, seconds, number)

        async def change_once(number: int, writes: list[str], seconds: float) -> dict[str, int]:
            """Change some things."""
            return await self.touch("change_once", [], writes, seconds, number)

        async def upset(number: int, seconds: float) -> dict[str, int]:
            """Change anything."""
            return await self.touch("upset", THINGS, THINGS, seconds, number)

        limit = self.limit
        return [
            tool(effect="read", reads="{reads}", limit=limit)(look),
            tool(effect="read", limit=limit)(look_around),
            tool(effect="write", key="change:{number}", reads="{reads}", writes="{writes}", limit=limit)(change),
            tool(effect="write_once", writes=lambda given: given["writes"], limit=limit)(change_once),
            tool(limit=limit)(upset),
        ]

    async def touch(
        self, by: str, reads: Sequence[str], writes: Sequence[str], seconds: float, number: int = 0
    ) -> dict[str, int]:
        """Read, wait, write; nobody may write meanwhile what is read or written here, nor read what is written."""
        read, written = set(reads), set(writes)
        assert not any((read | written) & other for other in self.writing)
        assert not any(written & other for other in self.reading)
        self.reading.append(read)
        self.writing.append(written)
        with self.crowd, self.crowds.setdefault(by, Crowd()):
            seen = {thing: self.numbers[thing] for thing in sorted(read | written)}
            await asyncio.sleep(seconds)
            for thing in writes:
                self.numbers[thing] = (seen[thing] * 31 + sum(seen.values()) + number + 1) % 1_000_003
        self.reading.remove(read)
        self.writing.remove(written)
        return seen


SECONDS = st.sampled_from([0.0, 1.0, 2.0, 5.0])
NUMBERS = st.integers(0, 5)
REQUESTS = st.one_of(
    st.builds(ask, st.just("look"), reads=SOME, seconds=SECONDS),
    st.builds(ask, st.just("look_around"), seconds=SECONDS),
    st.builds(ask, st.just("change"), number=NUMBERS, reads=SOME, writes=SOME, seconds=SECONDS),
    st.builds(ask, st.just("change_once"), number=NUMBERS, writes=SOME, seconds=SECONDS),
    st.builds(ask, st.just("upset"), number=NUMBERS, seconds=SECONDS),
)


def ends(ended: Sequence[Outcome]) -> list[Any]:
    """Outputs, and the kinds of outcomes without one: their texts name call ids."""
    return [outcome.output if isinstance(outcome, Done) else type(outcome) for outcome in ended]


async def at_once(shop: Shop, requests: Sequence[ToolRequest], limits: Limits) -> list[Any]:
    return ends(await outcomes(shop.tools(), *requests, executor=CallExecutor(Engine(limits=limits))))


async def one_by_one(shop: Shop, requests: Sequence[ToolRequest]) -> list[Any]:
    executor = CallExecutor()
    return ends([(await outcomes(shop.tools(), request, executor=executor))[0] for request in requests])


@settings(deadline=None)
@given(st.lists(REQUESTS, max_size=10), st.sampled_from([None, 1, 2]), st.integers(1, 6))
def test_side_by_side_is_as_good_as_one_by_one(requests: list[ToolRequest], limit: int | None, calls: int) -> None:
    """Outputs and things end up the same, conflicting calls never overlap, and no limit is ever passed."""
    side_by_side, reference = Shop(limit), Shop(None)
    ended = in_jumping_time(at_once(side_by_side, requests, Limits(calls=calls)))

    assert ended == in_jumping_time(one_by_one(reference, requests))
    assert side_by_side.numbers == reference.numbers
    assert side_by_side.crowd.peak <= calls
    assert all(crowd.peak <= (limit or calls) for crowd in side_by_side.crowds.values())


@settings(deadline=None)
@given(st.lists(REQUESTS, max_size=10))
def test_without_limits_no_call_waits_for_one_that_it_does_not_conflict_with(requests: list[ToolRequest]) -> None:
    """The batch takes as long as its longest chain of conflicts, not longer."""

    async def seconds() -> float:
        await at_once(Shop(None), requests, Limits())
        return asyncio.get_running_loop().time()

    assert in_jumping_time(seconds()) <= longest_chain(requests)


def longest_chain(requests: Sequence[ToolRequest]) -> float:
    """Seconds of the longest chain of calls that conflict, by an account of its own."""
    ends: list[float] = []
    for place, request in enumerate(requests):
        before = [ends[other] for other in range(place) if conflict(requests[other], request)]
        ends.append(max(before, default=0.0) + request.arguments["seconds"] + 1e-6)
    return max(ends, default=0.0)


def conflict(one: ToolRequest, other: ToolRequest) -> bool:
    (read, written), (other_read, other_written) = touched(one), touched(other)
    return meet(written, other_written) or meet(written, other_read) or meet(read, other_written)


def meet(some: set[str], others: set[str]) -> bool:
    return bool(some and others and ("*" in some | others or some & others))


def touched(request: ToolRequest) -> tuple[set[str], set[str]]:
    """What a request reads and writes; a key is a thing that it writes."""
    given = request.arguments
    match request.name:
        case "look":
            return set(given["reads"]), set()
        case "look_around":
            return {"*"}, set()
        case "change":
            return set(given["reads"]), {*given["writes"], f"change:{given['number']}"}
        case "change_once":
            return set(), set(given["writes"])
        case _:
            return set(), {"*"}
