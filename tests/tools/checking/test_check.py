"""Each sort of wrong declaration is found, and a right one is not blamed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from stand_ins.cells import Cells, adder, looker, subject
from trunkline.errors import SubjectError
from trunkline.tools import Tool, Toolbox, ToolRejectedError, current_call, tool
from trunkline.tools.checking import FindingKind, Report, Subject, World, ask, check_effects

ADD_1, ADD_2, ADD_B = ask("add", cell="a", amount=1), ask("add", cell="a", amount=2), ask("add", cell="b", amount=3)
LOOK, LOOK_B = ask("look", cell="a"), ask("look", cell="b")
ALL = (ADD_1, ADD_2, ADD_B, LOOK, LOOK_B)


async def checked(world: World) -> Report:
    return await check_effects(world, seeds=5)


def kinds(report: Report) -> list[tuple[FindingKind, tuple[str, ...]]]:
    return [(finding.kind, finding.tools) for finding in report.findings]


async def test_right_declarations_are_not_blamed() -> None:
    """Neither a finding nor a hint, though the tools overlap wherever they may."""
    report = await checked(subject(lambda cells: [adder(cells), looker(cells)], *ALL))

    assert (report.findings, report.hints) == ([], [])
    assert report.pairs > 0
    assert str(report) == "no wrong declaration was found"


async def test_a_read_that_changes_something_is_found() -> None:
    """The text names the field and both of its values."""
    (finding,) = (await checked(subject(_peeker, ask("peek")))).findings

    assert (finding.kind, finding.tools, finding.calls) == (FindingKind.READ_CHANGES, ("peek",), ("peek()",))
    assert finding.what == 'declares effect="read" and changes a from 1 to 2'
    assert finding.fix == 'declare effect="write" with key= and writes='


def _peeker(cells: Cells) -> list[Tool]:
    @tool(effect="read", reads=())
    async def peek() -> int:
        """Count how often somebody looks."""
        cells.numbers["a"] += 1
        return cells.numbers["a"]

    return [peek]


async def test_a_lost_update_is_found_where_writes_does_not_name_the_cell() -> None:
    """It shows only when one call runs in the middle of the other; the fix names the argument."""
    report = await checked(subject(lambda cells: [adder(cells, writes="amount:{amount}")], ADD_1, ADD_2))

    (finding,) = report.findings
    assert finding.kind is FindingKind.ORDER_MATTERS
    assert finding.what == "when the second runs between steps 1 and 2 of add, a ends as 2 instead of 4"
    assert finding.calls == ('add(cell="a", amount=1)', 'add(cell="a", amount=2)')
    assert finding.fix == 'add "{cell}" to writes= of add'


async def test_writes_that_names_another_resource_than_the_reader_is_found() -> None:
    """The fix is the name that the toolbox has already, with the argument in its place."""
    report = await checked(subject(lambda cells: [adder(cells, writes="sum:{cell}"), looker(cells)], ADD_1, LOOK))

    (finding,) = report.findings
    assert finding.tools == ("add", "look")
    assert finding.what == "when look runs first, look answers 1 instead of 2"


async def test_a_read_that_names_too_little_is_found() -> None:
    """`reads=()` says that nothing it reads ever changes."""
    report = await checked(subject(lambda cells: [adder(cells), looker(cells, reads=())], *ALL))

    assert kinds(report) == [(FindingKind.ORDER_MATTERS, ("add", "look"))]


async def test_a_key_that_does_not_reach_the_other_side_is_found() -> None:
    """Made again after a lost answer, the call takes effect again."""
    (finding,) = (await checked(subject(_forgetful, ask("count", cell="a")))).findings

    assert finding.kind is FindingKind.KEY_REPEATS
    assert finding.what == "run again with its key 'count:a', it changes a from 2 to 3"


def _forgetful(cells: Cells) -> list[Tool]:
    @tool(effect="write", key="count:{cell}", writes="cell:{cell}")
    async def count(cell: str) -> int:
        """Count a cell up, whatever the key."""
        cells.numbers[cell] += 1
        return 0

    return [count]


async def test_a_key_that_names_two_effects_is_found() -> None:
    """The second of them would be refused; the fix names the argument that tells them apart."""
    report = await checked(
        subject(lambda cells: [adder(cells, key="add:{amount}")], ADD_1, ask("add", cell="b", amount=1))
    )

    (finding,) = report.findings
    assert finding.kind is FindingKind.KEY_SHARED
    assert finding.what == "one key 'add:1' for two effects, on a and b: the second is refused"
    assert finding.fix == "add what tells them apart to key=: {cell}"


async def test_two_calls_that_share_a_key_on_purpose_are_a_hint() -> None:
    """They change the same, so the second may well be meant to be refused."""
    report = await checked(subject(lambda cells: [adder(cells, key="add:{cell}")], ADD_1, ADD_2))

    assert report.findings == []
    assert [hint.kind for hint in report.hints] == [FindingKind.KEY_REFUSES]


async def test_a_refusal_of_the_second_time_is_a_hint() -> None:
    """No harm is done, but the model reads that the effect did not happen."""
    (hint,) = (await checked(subject(_once, ask("once")))).hints

    assert hint.kind is FindingKind.KEY_ANSWERS
    assert "once answers" in hint.what


def _once(cells: Cells) -> list[Tool]:
    @tool(effect="write", key="once", writes="cell:a")
    async def once() -> int:
        """Empty a cell."""
        if not cells.numbers["a"]:
            raise ToolRejectedError("it is empty")
        cells.numbers["a"] = 0
        return 0

    return [once]


async def test_what_shows_only_after_a_third_call_is_found_in_a_random_batch() -> None:
    """Both are refused until the door is open; only what is needed for the example is left of the batch."""
    calls = [ask("open_door"), ask("paint", colour=7), ask("paint", colour=8), LOOK_B]
    report = await check_effects(subject(_door, *calls), seeds=40)

    (finding,) = report.findings
    assert (finding.kind, finding.tools) == (FindingKind.ORDER_MATTERS, ("paint",))
    assert len(finding.calls) == 3
    assert finding.calls[0] == "open_door()"


def _door(cells: Cells) -> list[Tool]:
    @tool(effect="write", key="open", writes="door")
    async def open_door() -> None:
        """Open the door."""
        cells.numbers["door"] = 1

    @tool(effect="write", key="paint:{colour}", reads="door", writes="colour:{colour}")
    async def paint(colour: int) -> None:
        """Paint the wall."""
        if "door" not in cells.numbers:
            raise ToolRejectedError("the door is shut")
        cells.numbers["wall"] = colour

    return [open_door, paint, looker(cells)]


async def test_an_answer_that_differs_each_time_is_found_and_can_be_ignored() -> None:
    """Nothing can be compared with it; the field can be named as one that does not count."""
    clock = iter(range(1000))

    def dated(cells: Cells) -> list[Tool]:
        @tool(effect="read", reads=())
        async def date() -> dict[str, int]:
            """Read the clock."""
            return {"at": next(clock), "of": cells.numbers["c"]}

        return [date]

    report, lenient = await checked(subject(dated, ask("date"))), subject(dated, ask("date"), ignore=["date.at"])

    assert kinds(report) == [(FindingKind.NOT_REPEATABLE, ("date",))]
    assert (await checked(lenient)).findings == []


async def test_a_call_that_breaks_is_found(caplog: pytest.LogCaptureFixture) -> None:
    """It is tried beside no other."""
    report = await checked(subject(lambda cells: [adder(cells), looker(cells)], ADD_1, ask("look", cell="none")))

    assert kinds(report) == [(FindingKind.BROKEN, ("look",))]
    assert "KeyError" in report.findings[0].what
    assert caplog.records


async def test_tools_that_were_not_really_tried_are_hints() -> None:
    """One without a call, and one whose effect the state does not show."""
    report = await checked(subject(lambda cells: [looker(cells), *_silent()], ask("whisper")))

    assert [(hint.kind, hint.tools) for hint in report.hints] == [
        (FindingKind.UNTRIED, ("look",)),
        (FindingKind.UNSEEN, ("whisper",)),
    ]


def _silent() -> list[Tool]:
    @tool(effect="write_once", writes="air")
    async def whisper() -> None:
        """Say something that nobody hears."""

    return [whisper]


async def test_tools_that_need_not_run_alone_are_hints() -> None:
    """A write and a read that name nothing, in a toolbox where they could run beside everything."""
    tools = subject(lambda cells: [adder(cells, writes=None), looker(cells, reads=None)], ADD_1, LOOK_B)
    report = await checked(tools)

    assert [(hint.kind, hint.tools) for hint in report.hints] == [
        (FindingKind.TOO_WIDE, ("add",)),
        (FindingKind.TOO_WIDE, ("look",)),
    ]


async def test_a_tool_that_must_run_alone_gets_no_hint() -> None:
    """Naming nothing is right where another call would notice."""
    report = await checked(subject(lambda cells: [adder(cells, writes=None), looker(cells)], ADD_1, LOOK))

    assert (report.findings, report.hints) == ([], [])


async def test_a_lock_that_a_paused_call_holds_stops_nothing() -> None:
    """The tool keeps order by itself: that is no wrong declaration, and the check ends."""
    lock = asyncio.Lock()

    def locked(cells: Cells) -> list[Tool]:
        @tool(effect="write", key="add:{amount}", writes="amount:{amount}")
        async def add(cell: str, amount: int) -> int:
            """Add to a cell, one at a time."""
            async with lock:
                return await cells.add(cell, amount)

        return [add]

    assert (await checked(subject(locked, ADD_1, ADD_2))).findings == []


async def test_blocking_tools_are_swapped_as_a_whole() -> None:
    """They run in threads, where they cannot be paused."""

    def blocking(cells: Cells) -> list[Tool]:
        @tool(effect="write", key="set:{number}", writes="number:{number}")
        def put(number: int) -> str | None:
            """Write a cell."""
            cells.numbers["a"] = number
            return current_call().key

        return [put]

    report = await checked(subject(blocking, ask("put", number=5), ask("put", number=6)))

    assert [finding.what for finding in report.findings] == ["when the second runs first, a ends as 5 instead of 6"]


async def test_a_world_that_can_be_reset_is_made_once() -> None:
    """And one that is a context manager is cleaned up as often as it is made."""
    made, cleaned = [0], [0]

    @asynccontextmanager
    async def world() -> AsyncGenerator[Subject]:
        cells, made[0] = Cells(), made[0] + 1

        async def reset() -> None:
            cells.numbers, cells.answers = {"a": 1, "b": 2, "c": 3}, {}

        tools = Toolbox([adder(cells, writes="amount:{amount}")])
        yield Subject(toolbox=tools, calls=[ADD_1, ADD_2], state=lambda: cells.numbers, reset=reset)
        cleaned[0] += 1

    report = await checked(world)

    assert kinds(report) == [(FindingKind.ORDER_MATTERS, ("add",))]
    assert (made, cleaned) == ([1], [1])


async def test_equal_seeds_give_equal_reports() -> None:
    """So that what CI finds is found again at home."""
    world = subject(lambda cells: [adder(cells, writes="amount:{amount}"), looker(cells)], *ALL)

    assert await checked(world) == await checked(world)


async def test_a_call_that_cannot_be_made_is_wrong_usage() -> None:
    """The text is what a model would read."""
    with pytest.raises(SubjectError, match="one of 'look' that cannot be made: the arguments of 'look' are not valid"):
        await checked(subject(lambda cells: [looker(cells)], ask("look", cell=7)))


async def test_what_makes_no_subject_is_wrong_usage() -> None:
    """As when a reference names any other function."""
    with pytest.raises(SubjectError, match="it returns a Cells; return a Subject, or yield one"):
        await checked(Cells)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
