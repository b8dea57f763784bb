"""Any toolbox over named cells, declared right, and with one name left out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.tools import Tool, Toolbox, tool
from trunkline.tools.checking import FindingKind, Report, Subject, ask, check_effects

CELLS = ("a", "b", "c", "d")
SOME = st.frozensets(st.sampled_from(CELLS), max_size=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a tool really reads and writes, and a cell that its declaration leaves out."""

    reads: frozenset[str]
    writes: frozenset[str]
    silent_on: str | None = None

    @property
    def touches(self) -> frozenset[str]:
        return self.reads | self.writes

    def tool(self, number: int, cells: dict[str, int], done: set[int]) -> Tool:
        async def touch() -> dict[str, int]:
            """Read some cells, wait, and write some by what was read."""
            seen = {cell: cells[cell] for cell in sorted(self.touches)}
            await asyncio.sleep(0)
            for cell in self.writes if number not in done else ():
                cells[cell] = (seen[cell] * 31 + sum(seen.values()) + number + 1) % 1_000_003
            done.update({number} if self.writes else ())
            return seen if not self.writes else {}

        reads, writes = sorted(self.reads - {self.silent_on}), sorted(self.writes - {self.silent_on})
        if not self.writes:
            return tool(name=f"tool_{number}", effect="read", reads=reads)(touch)
        return tool(name=f"tool_{number}", effect="write", key=f"tool:{number}", reads=reads, writes=writes)(touch)


PLANS = st.lists(st.builds(Plan, reads=SOME, writes=SOME), min_size=2, max_size=4)


async def checked(plans: Sequence[Plan]) -> Report:
    cells: dict[str, int] = dict.fromkeys(CELLS, 1)
    done = set[int]()

    def reset() -> None:
        cells.update(dict.fromkeys(CELLS, 1))
        done.clear()

    tools = Toolbox(plan.tool(number, cells, done) for number, plan in enumerate(plans))
    subject = Subject(toolbox=tools, calls=[ask(name) for name in tools.names], state=lambda: cells, reset=reset)
    return await check_effects(lambda: subject, seeds=3)


@settings(deadline=None, max_examples=25)
@given(PLANS)
async def test_right_declarations_are_never_blamed(plans: list[Plan]) -> None:
    """Whatever the tools read and write."""
    assert list((await checked(plans)).findings) == []


@settings(deadline=None, max_examples=25)
@given(PLANS, st.sampled_from(CELLS))
async def test_a_name_that_is_left_out_is_found_when_another_call_needs_it(plans: list[Plan], cell: str) -> None:
    """The two tools that meet at the cell are named, and no others."""
    first = Plan(reads=plans[0].reads, writes=plans[0].writes | {cell}, silent_on=cell)
    meet = {
        ("tool_0", f"tool_{number}")
        for number, other in enumerate(plans[1:], 1)
        if cell in other.touches and not still_in_order(first, other)
    }

    found = (await checked([first, *plans[1:]])).findings
    assert {(finding.kind, finding.tools) for finding in found} == {(FindingKind.ORDER_MATTERS, pair) for pair in meet}


def still_in_order(first: Plan, other: Plan) -> bool:
    """Whether they share a cell that both declare."""
    hidden = {first.silent_on}
    return bool((first.writes - hidden) & other.touches or (first.reads - hidden) & other.writes)
