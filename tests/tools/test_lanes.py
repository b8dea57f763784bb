"""Lanes, and limits that several kinds of calls share."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stand_ins.calls import Crowd, Listener, ask, origin, outcomes
from stand_ins.jumping_clock import in_jumping_time
from trunkline.errors import TemplateError, ToolDeclarationError
from trunkline.tools import CallExecutor, Engine, Lane, Limits, Tool, Toolbox, ToolRequest, tool


@dataclass(slots=True)
class Traffic:
    """Tools on lanes, in which order their calls ran, and how many at once."""

    order: list[int] = field(default_factory=list[int])
    crowds: defaultdict[str, Crowd] = field(default_factory=lambda: defaultdict(Crowd))

    def tool(self, name: str = "drive", **declared: Any) -> Tool:
        terms: dict[str, Any] = {"effect": "write", "key": f"{name}:{{n}}", "writes": (), **declared}
        if terms["effect"] == "read":
            del terms["key"], terms["writes"]

        @tool(name=name, **terms)
        async def drive(n: int, road: str = "a", seconds: float = 1.0) -> int:
            """Drive."""
            with self.crowds[road], self.crowds["all"], self.crowds[f"tool {name}"]:
                self.order.append(n)
                await asyncio.sleep(seconds)
            return n

        return drive


def test_calls_on_a_lane_keep_the_models_order() -> None:
    """Of whatever tools and however long they take; other lanes go on beside it."""
    traffic = Traffic()
    one, other = (traffic.tool(name, lane="road:{road}") for name in ("one", "other"))
    requests = [
        ask(one, n=0, seconds=3),
        ask(other, n=1, road="b", seconds=9),
        ask(other, n=2, seconds=2),
        ask(one, n=3, seconds=1),
        ask(one, n=4, road="c"),
    ]
    in_jumping_time(outcomes([one, other], *requests))

    assert [n for n in traffic.order if n in {0, 2, 3}] == [0, 2, 3]
    assert traffic.order[:3] == [0, 1, 4]
    assert (traffic.crowds["a"].peak, traffic.crowds["all"].peak) == (1, 3)


def test_calls_of_several_turns_and_tools_take_turns_on_a_lane() -> None:
    """In the order of asking."""
    traffic, executor = Traffic(), CallExecutor()
    tools = [traffic.tool(name, lane="road:{road}", effect=effect, key=key) for name, effect, key in KINDS]

    async def turn_at(at: float, *requests: ToolRequest) -> None:
        await asyncio.sleep(at)
        await outcomes(tools, *requests, executor=executor)

    async def turns() -> None:
        requests = [ask(made, n=place) for place, made in enumerate(tools)]
        await asyncio.gather(turn_at(0.1, requests[1]), turn_at(0, requests[0]), turn_at(0.2, requests[2]))

    in_jumping_time(turns())
    assert (traffic.order, traffic.crowds["a"].peak) == ([0, 1, 2], 1)


KINDS = [("look", "read", None), ("put", "write", "put:{n}"), ("once", "write_once", None)]


def test_a_lane_may_have_room_for_several() -> None:
    """Then order is no matter, and all of its room is used."""
    traffic = Traffic()
    made = traffic.tool(lane=Lane("crm", limit=5))
    in_jumping_time(outcomes([made], *[ask(made, n=n) for n in range(12)]))

    assert traffic.crowds["all"].peak == 5


def test_a_call_that_waits_for_its_lane_holds_no_other_slot() -> None:
    """With two slots in all, a queue for one lane leaves the other free."""
    traffic, executor = Traffic(), CallExecutor(Engine(limits=Limits(calls=2)))
    made = traffic.tool(lane=Lane("road:{road}", limit=1), effect="read", reads=())
    requests = [*[ask(made, n=n, seconds=5) for n in range(3)], ask(made, n=9, road="b", seconds=1)]
    in_jumping_time(outcomes([made], *requests, executor=executor))

    assert traffic.order[:2] == [0, 9]


@pytest.mark.parametrize(
    ("limits", "peak"),
    [
        (Limits(per_run=2), 6),
        (Limits(per_tenant=4), 4),
        (Limits(calls=5, per_run=2), 5),
        (Limits(calls=3, per_tenant=2, per_run=2), 2),
    ],
)
def test_runs_and_tenants_have_limits_of_their_own(limits: Limits, peak: int) -> None:
    """Three runs of one tenant; all the room that there is is used."""
    traffic, executor = Traffic(), CallExecutor(Engine(limits=limits))
    made = traffic.tool()

    async def run(name: int) -> None:
        where = replace(origin(), run_id=f"run {name}")
        requests = [ask(made, n=name * 10 + n) for n in range(5)]
        await executor.run(Toolbox([made]), requests, origin=where, watcher=Listener())

    async def runs() -> None:
        await asyncio.gather(*(run(name) for name in range(3)))

    in_jumping_time(runs())
    assert traffic.crowds["all"].peak == peak


def test_engines_of_two_tenants_may_share_their_limits() -> None:
    """Each tenant has its part, and both together have the process's."""
    traffic, limits = Traffic(), Limits(calls=5, per_tenant=3)
    made = traffic.tool()
    executors = [CallExecutor(Engine(limits=limits, tenant=tenant)) for tenant in "ab"]

    async def both() -> None:
        requests = [ask(made, n=n) for n in range(9)]
        await asyncio.gather(*(outcomes([made], *requests, executor=executor) for executor in executors))

    in_jumping_time(both())
    assert traffic.crowds["all"].peak == 5


@pytest.mark.parametrize("lane", ["road:{nowhere}", "{n}{road}", Lane("crm:{nowhere}")])
def test_a_lane_that_cannot_be_is_refused_with_the_tool(lane: str | Lane) -> None:
    """It names the argument."""
    with pytest.raises(ToolDeclarationError, match="template"):
        Traffic().tool(lane=lane)


def test_a_lane_has_room() -> None:
    """For one call at least."""
    with pytest.raises(TemplateError, match="room for 0 calls, at least 1"):
        Lane("crm", limit=0)


ROOM = st.sampled_from([None, 1, 2])
KIND = st.tuples(
    st.sampled_from(["read", "write", None]), ROOM, st.sampled_from([None, "x", "y", "road:{road}"]), st.integers(1, 2)
)
CALL = st.tuples(st.integers(0, 2), st.sampled_from("ab"), st.sampled_from([0.0, 1.0, 3.0]), st.booleans())


@settings(deadline=None)
@given(
    st.lists(KIND, min_size=3, max_size=3),
    st.lists(st.lists(CALL, max_size=6), max_size=4),
    st.integers(1, 3),
    ROOM,
    ROOM,
)
def test_whatever_calls_share_all_of_them_end(
    kinds: Sequence[Any],
    turns: Sequence[Sequence[tuple[int, str, float, bool]]],
    calls: int,
    per_run: int | None,
    per_tenant: int | None,
) -> None:
    """Several turns at once, on lanes and under limits of all kinds, some of them cancelled: nobody waits for ever."""
    traffic, limits = Traffic(), Limits(calls=calls, per_run=per_run, per_tenant=per_tenant)
    executor = CallExecutor(Engine(limits=limits))
    tools = [_tool(traffic, number, kind) for number, kind in enumerate(kinds)]

    async def turn(asked: Sequence[tuple[int, str, float, bool]]) -> None:
        requests = [ask(tools[kind], n=n, road=road, seconds=wait) for n, (kind, road, wait, _) in enumerate(asked)]
        batch = asyncio.create_task(outcomes(tools, *requests, executor=executor))
        if any(cancelled for *_, cancelled in asked):
            await asyncio.sleep(1.5)
            batch.cancel()
        await asyncio.wait([batch])

    async def all_of_them() -> None:
        async with asyncio.timeout(10_000):
            await asyncio.gather(*(turn(asked) for asked in turns))
        assert asyncio.all_tasks() == {asyncio.current_task()}

    in_jumping_time(all_of_them())
    assert traffic.crowds["all"].peak <= min(limit for limit in (calls, per_run, per_tenant) if limit)
    assert traffic.crowds["all"].inside == 0


def _tool(traffic: Traffic, number: int, kind: Any) -> Tool:
    effect, limit, lane, room = kind
    declared: dict[str, Any] = {"effect": effect, "limit": limit, "key": f"{number}:{{n}}:{{road}}:{{seconds}}"}
    if effect == "write":
        declared["writes"] = "road:{road}"
    if lane:
        declared["lane"] = Lane(lane, limit=room)
    return traffic.tool(f"tool_{number}", **declared)
