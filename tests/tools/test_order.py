"""The proof of order: random turns of random tools, beside the same calls one by one, on a clock that jumps."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stand_ins.calls import Crowd, ask, turn
from stand_ins.jumping_clock import in_jumping_time
from trunkline.errors import CallFailedError
from trunkline.tools import (
    Access,
    CallExecutor,
    Done,
    Effect,
    Engine,
    Failed,
    Lane,
    Limits,
    Outcome,
    Tool,
    ToolRejectedError,
    ToolRequest,
    current_call,
    tool,
)

THINGS = ("a", "b", "c")
SOME = st.lists(st.sampled_from(THINGS), unique=True, max_size=2)
ROOM = st.sampled_from([None, 1, 2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many calls may run at once, of which kind."""

    calls: int = 256
    per_run: int | None = None
    per_tenant: int | None = None
    per_tool: int | None = None
    lane: int = 256

    def engine(self) -> Engine:
        return Engine(limits=Limits(calls=self.calls, per_run=self.per_run, per_tenant=self.per_tenant))


ROOMS = st.builds(Room, calls=st.integers(1, 5), per_run=ROOM, per_tenant=ROOM, per_tool=ROOM, lane=st.integers(1, 2))


@dataclass(slots=True)
class World:
    """Things with numbers in them. Calls read, wait and write: two that overlap where they must not lose a change."""

    room: Room
    numbers: dict[str, int] = field(default_factory=lambda: dict.fromkeys(THINGS, 0))
    touching: list[Access] = field(default_factory=list[Access])
    crowds: defaultdict[str, Crowd] = field(default_factory=lambda: defaultdict(Crowd))
    tried: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def tools(self) -> list[Tool]:
        async def act(
            number: int,
            reads: list[str],
            writes: list[str],
            seconds: float,
            losses: int,
            lane: int,
            fails: bool = False,
        ) -> dict[str, int]:
            """Read some things, and change others by them."""
            given = {"reads": reads, "writes": writes, "seconds": seconds, "losses": losses, "fails": fails}
            return await self.act(number, lane, given)

        terms: dict[str, Any] = {"limit": self.room.per_tool, "retries": 2}
        own = {"reads": "{reads}", "writes": "{writes}", "key": "{number}:{writes}"}
        lane = Lane("lane:{lane}", limit=self.room.lane)
        once: dict[str, Any] = {
            "effect": "write_once",
            **own,
            "limit": self.room.per_tool,
            "lane": lane,
            "name": "once",
        }
        return [
            tool(effect="read", reads="{reads}", **terms, lane=lane, name="look")(act),
            tool(effect="write", **own, **terms, lane=lane, name="change")(act),
            tool(effect=_effect, **own, **terms, lane=lane, name="either")(act),
            tool(**once)(act),
            tool(limit=self.room.per_tool, lane=lane, name="upset")(act),
        ]

    async def act(self, number: int, lane: int, given: Mapping[str, Any]) -> dict[str, int]:

        call = current_call()
        self.tried[call.call_id] += 1
        assert self.tried[call.call_id] == call.attempt
        access = Access(reads=frozenset(given["reads"]), writes=self.written(call.tool, given))
        assert not any(access.conflicts_with(other) for other in self.touching)
        self.touching.append(access)
        with ExitStack() as inside:
            for crowd in ("all", f"tool {call.tool}", f"lane {lane}"):
                inside.enter_context(self.crowds[crowd])
            seen = {thing: self.numbers[thing] for thing in sorted(access.reads | access.writes)}
            await asyncio.sleep(given["seconds"])
        self.touching.remove(access)
        if call.tool in {"look", "change", "either"} and call.attempt <= given["losses"]:
            raise ConnectionRefusedError("not reached")
        if given["fails"]:
            raise ToolRejectedError("no")
        for thing in access.writes:
            self.numbers[thing] = (seen[thing] * 31 + sum(seen.values()) + number + 1) % 1_000_003
        return seen

    @staticmethod
    def written(name: str, given: Mapping[str, Any]) -> frozenset[str]:
        if name == "look" or (name == "either" and not given["writes"]):
            return frozenset()
        return frozenset(given["writes"])


def _effect(arguments: Mapping[str, Any]) -> Any:
    return "write" if arguments["writes"] else "read"


def requests(*, losses: st.SearchStrategy[int], fails: st.SearchStrategy[bool]) -> st.SearchStrategy[list[ToolRequest]]:
    """Turns of up to 10 calls, some of them equal."""
    one = st.builds(
        ask,
        st.sampled_from(["look", "change", "either", "once", "upset"]),
        number=st.integers(0, 2),
        reads=SOME,
        writes=SOME,
        seconds=st.sampled_from([0.0, 1.0, 2.0, 5.0]),
        losses=losses,
        lane=st.integers(0, 1),
        fails=fails,
    )
    return st.lists(one, max_size=10).flatmap(
        lambda some: (
            st.lists(st.sampled_from(some), max_size=3).map(lambda again: [*some, *again]) if some else st.just([])
        )
    )


def ends(ended: Sequence[Outcome]) -> list[Any]:
    """Outputs, and the kinds of outcomes without one: their texts name call ids."""
    return [
        outcome.output if isinstance(outcome, Done) else outcome.kind if isinstance(outcome, Failed) else type(outcome)
        for outcome in ended
    ]


async def side_by_side(world: World, asked: Sequence[ToolRequest]) -> list[Any]:
    ended = ends(await turn(world.tools(), *asked, executor=CallExecutor(world.room.engine())))
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left
    return ended


async def one_by_one(world: World, asked: Sequence[ToolRequest]) -> list[Any]:
    executor = CallExecutor()
    return ends([(await turn(world.tools(), each, executor=executor))[0] for each in asked])


@settings(deadline=None, max_examples=60)
@given(requests(losses=st.integers(0, 2), fails=st.booleans()), ROOMS)
def test_any_turn_ends_as_its_calls_one_by_one(asked: list[ToolRequest], room: Room) -> None:
    """With lanes, limits, lost answers, refusals and equal calls: nothing conflicts, and no limit is ever passed."""
    world, reference = World(room), World(Room())
    ended = in_jumping_time(side_by_side(world, asked))

    assert ended == in_jumping_time(one_by_one(reference, asked))
    assert world.numbers == reference.numbers
    narrow = min(limit for limit in (room.calls, room.per_run, room.per_tenant) if limit)
    most = {"all": narrow, "tool": room.per_tool or narrow, "lane": room.lane}
    assert all(crowd.peak <= most[name.partition(" ")[0]] for name, crowd in world.crowds.items())


@settings(deadline=None, max_examples=60)
@given(requests(losses=st.just(0), fails=st.booleans()))
def test_a_turn_takes_as_long_as_its_longest_chain_of_conflicts(asked: list[ToolRequest]) -> None:
    """Where no limit binds: within one part in twenty, and never less."""

    async def seconds() -> float:
        await side_by_side(World(Room()), asked)
        return asyncio.get_running_loop().time()

    path = critical_path(asked, in_jumping_time(seconds_of_each(asked)))
    assert path - 1e-4 <= in_jumping_time(seconds()) <= path * 1.05 + 1e-4


async def seconds_of_each(asked: Sequence[ToolRequest]) -> list[float]:
    """How long each call takes when nothing runs beside it; one that an earlier call settles takes no time."""
    executor, loop, times = CallExecutor(), asyncio.get_running_loop(), [0.0]
    for each in asked:
        await turn(World(Room()).tools(), each, executor=executor)
        times.append(loop.time())
    return [after - before for before, after in pairwise(times)]


def critical_path(asked: Sequence[ToolRequest], seconds: Sequence[float]) -> float:
    """Seconds of the longest chain of calls that conflict, by an account of its own."""
    ended: list[float] = []
    accesses = [touched(each) for each in asked]
    for place, access in enumerate(accesses):
        before = [ended[other] for other in range(place) if accesses[other].conflicts_with(access)]
        ended.append(max(before, default=0.0) + seconds[place])
    return max(ended, default=0.0)


def is_read(request: ToolRequest) -> bool:
    return request.name == "look" or (request.name == "either" and not request.arguments["writes"])


def touched(request: ToolRequest) -> Access:
    """What a request reads and writes; its key is a thing that it writes."""
    given = request.arguments
    reads, writes = frozenset(given["reads"]), frozenset(given["writes"])
    if is_read(request):
        return Access(reads=reads, writes=frozenset())
    if request.name == "upset":
        return Access(reads=frozenset(), writes=frozenset({"*"}))
    return Access(reads=reads, writes=writes | {f"key {given['number']} {given['writes']}"})


@settings(deadline=None, max_examples=60)
@given(requests(losses=st.integers(0, 2), fails=st.booleans()), ROOMS, st.data())
def test_a_required_call_that_fails_changes_nothing_for_the_others(
    asked: list[ToolRequest], room: Room, data: st.DataObject
) -> None:
    """All others end as one by one; only then the batch fails."""
    marks = data.draw(st.lists(st.sampled_from(["continue", "required"]), min_size=len(asked), max_size=len(asked)))
    asked = [replace(each, on_failure=mark) for each, mark in zip(asked, marks, strict=True)]
    world, reference = World(room), World(Room())
    expected = in_jumping_time(one_by_one_marked(reference, asked))

    if expected:
        with pytest.raises(CallFailedError):
            in_jumping_time(side_by_side(world, asked))
    else:
        in_jumping_time(side_by_side(world, asked))
    assert world.numbers == reference.numbers


async def one_by_one_marked(world: World, asked: Sequence[ToolRequest]) -> bool:
    """Run one by one, and tell whether one that was required failed."""
    plain = [replace(each, on_failure="continue") for each in asked]
    ended = await one_by_one(world, plain)
    return any(
        each.on_failure == "required" and not isinstance(end, dict) for each, end in zip(asked, ended, strict=True)
    )


def test_effects_of_a_read_are_none() -> None:
    """The tool that reads or writes reads, with arguments for reading, what it would write otherwise."""
    either = next(made for made in World(Room()).tools() if made.name == "either")

    assert either.access({"reads": ["a"], "writes": ["b"]}, Effect.READ) == Access(
        reads=frozenset({"a", "b"}), writes=frozenset()
    )
