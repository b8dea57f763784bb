"""Reads that are asked for twice: in one turn, and while a result may serve again."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stand_ins.calls import ask, entry_of, id_of, origin, outcomes, turn
from stand_ins.jumping_clock import in_jumping_time
from trunkline.tools import (
    CallExecutor,
    CallState,
    Done,
    Engine,
    Failed,
    FailureKind,
    ManualClock,
    MemoryLedger,
    Outcome,
    Pending,
    Tool,
    ToolRejectedError,
    ToolRequest,
    tool,
)


@dataclass(slots=True)
class Store:
    """Numbers by name, tools that read and write them, and how often each was read."""

    cache: float | None = None
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    reads: list[str] = field(default_factory=list[str])
    trouble: Exception | None = None

    def look(self) -> Tool:
        kept: dict[str, Any] = {"cache": self.cache} if self.cache else {}

        @tool(effect="read", reads="number:{name}", **kept)
        async def look(name: str, seconds: float = 0.0) -> int:
            """Read a number, in the middle of the time."""
            self.reads.append(name)
            await asyncio.sleep(seconds / 2)
            if self.trouble:
                raise self.trouble
            found = self.numbers.get(name, 0)
            await asyncio.sleep(seconds / 2)
            return found

        return look

    def put(self) -> Tool:
        @tool(effect="write", key="put:{name}:{number}", writes="number:{name}")
        async def put(name: str, number: int, seconds: float = 0.0) -> None:
            """Write a number, in the middle of the time."""
            await asyncio.sleep(seconds / 2)
            self.numbers[name] = number
            await asyncio.sleep(seconds / 2)

        return put


def outputs(ended: Sequence[Outcome]) -> list[Any]:
    return [outcome.output if isinstance(outcome, Done) else outcome for outcome in ended]


async def test_equal_reads_of_a_turn_run_once_and_each_has_its_result_and_its_row() -> None:
    """Aligned with the requests; those that did not run say so."""
    store, ledger = Store(numbers={"a": 1, "b": 2}), MemoryLedger()
    look = store.look()
    requests = [ask(look, name=name) for name in "abaab"]
    ended = await outcomes([look], *requests, executor=CallExecutor(Engine(ledger=ledger)), batch="b")

    assert ended == [Done(output=number, replayed=place > 1) for place, number in enumerate([1, 2, 1, 1, 2])]
    assert store.reads == ["a", "b"]
    ids = {id_of(request, place) for place, request in enumerate(requests)}
    assert len(ids) == 5
    assert {entry_of(ledger, each).state for each in ids} == {CallState.DONE}


async def test_a_write_between_equal_reads_parts_them() -> None:
    """Each sees what the calls before it have made; a write of something else parts nobody."""
    store = Store()
    look, put = store.look(), store.put()
    read = ask(look, name="a")
    requests = [read, ask(put, name="b", number=9), read, ask(put, name="a", number=5), read, read]

    assert outputs(await outcomes([look, put], *requests)) == [0, None, 0, None, 5, 5]
    assert store.reads == ["a", "a"]


async def test_equal_reads_share_a_failure() -> None:
    """It was asked once, and is told to each."""
    store = Store(trouble=ToolRejectedError("closed"))
    look = store.look()

    assert (
        await outcomes([look], *[ask(look, name="a")] * 3) == [Failed(kind=FailureKind.REJECTED, message="closed")] * 3
    )
    assert store.reads == ["a"]


async def test_equal_reads_that_somebody_must_approve_are_one_request() -> None:
    """The ledger holds one, and each of them waits for it."""
    ledger = MemoryLedger()

    @tool(effect="read", reads=(), approve=True)
    async def pry() -> None:
        """Pry."""

    request = ask(pry)
    ended = await outcomes([pry], request, request, executor=CallExecutor(Engine(ledger=ledger)), batch="b")

    first = id_of(request)
    assert ended == [Pending(call_id=first, reason="this tool always needs a person's approval")] * 2
    assert await ledger.recall([first, id_of(request, 1)]) == {first: ended[0]}


async def test_equal_effects_are_not_one_call() -> None:
    """Without a key each of them runs: asking twice may be meant."""
    done: list[int] = []

    @tool(effect="write_once", writes="thing")
    async def act(n: int) -> None:
        """Act."""
        done.append(n)

    await outcomes([act], ask(act, n=1), ask(act, n=1))
    assert done == [1, 1]


def test_equal_reads_of_a_tool_that_reads_or_writes_run_once() -> None:
    """What it would write otherwise is read then, beside others."""
    sent: list[str] = []

    @tool(
        effect=lambda given: "read" if given["method"] == "GET" else "write_once",
        writes="path:{path}",
        reads=(),
    )
    async def api(method: str, path: str) -> str:
        """Send a request."""
        sent.append(f"{method} {path}")
        await asyncio.sleep(1)
        return f"{method} {path}"

    async def seconds() -> float:
        get = ask(api, method="GET", path="/a")
        await outcomes([api], get, get, ask(api, method="PUT", path="/a"), get, get, ask(api, method="GET", path="/b"))
        return asyncio.get_running_loop().time()

    assert in_jumping_time(seconds()) == 3.0
    assert sorted(sent) == ["GET /a", "GET /a", "GET /b", "PUT /a"]


async def test_a_kept_result_serves_until_its_time_is_over() -> None:
    """In later turns and on other threads, where nothing changes it."""
    clock, store = ManualClock(), Store(cache=60)
    look, executor = store.look(), CallExecutor(Engine(clock=clock))
    first = await outcomes([look], ask(look, name="a"), executor=executor)
    await clock.advance(59)
    second = await outcomes([look], ask(look, name="a"), executor=executor)
    await clock.advance(1)
    third = await outcomes([look], ask(look, name="a"), executor=executor)

    assert [*first, *second, *third] == [Done(output=0), Done(output=0, replayed=True), Done(output=0)]
    assert store.reads == ["a", "a"]


async def test_a_failure_is_not_kept() -> None:
    """The next call asks again."""
    store = Store(cache=60, trouble=ToolRejectedError("closed"))
    look, executor = store.look(), CallExecutor()
    await outcomes([look], ask(look, name="a"), executor=executor)
    store.trouble = None

    assert await outcomes([look], ask(look, name="a"), executor=executor) == [Done(output=0)]


async def test_a_tool_made_for_one_conversation_keeps_nothing_for_another() -> None:
    """It may be a closure over whose numbers they are."""
    mine, yours, executor = Store(cache=60, numbers={"a": 1}), Store(cache=60, numbers={"a": 2}), CallExecutor()
    ended = [await outcomes([each.look()], ask("look", name="a"), executor=executor) for each in (mine, yours)]

    assert ended == [[Done(output=1)], [Done(output=2)]]


async def test_a_write_that_conflicts_ends_what_was_kept() -> None:
    """Another thing's write does not."""
    store = Store(cache=60)
    look, put, executor = store.look(), store.put(), CallExecutor()
    for request in (
        ask(look, name="a"),
        ask(put, name="b", number=1),
        ask(look, name="a"),
        ask(put, name="a", number=7),
        ask(look, name="a"),
    ):
        [ended] = await outcomes([look, put], request, executor=executor)

    assert (ended, store.reads) == (Done(output=7), ["a", "a"])


def test_nothing_is_kept_of_a_read_beside_a_write() -> None:
    """In whatever order they begin, take effect and end: whoever asks after the write sees it."""
    for began in (0, 1, 3, 5):
        for seconds in (0.5, 2, 9):
            assert in_jumping_time(_read_beside_a_write(began, seconds)) == 7


async def _read_beside_a_write(began: float, seconds: float) -> object:
    """Read from `began` on while a write goes from 2 to 4; return what is read when the write is over."""
    store = Store(cache=600)
    look, put, executor = store.look(), store.put(), CallExecutor()

    async def later(at: float, request: ToolRequest) -> None:
        await asyncio.sleep(at)
        await turn([look, put], request, executor=executor)

    await asyncio.gather(
        later(2, ask(put, name="a", number=7, seconds=2)), later(began, ask(look, name="a", seconds=seconds))
    )
    [after] = await turn([look, put], ask(look, name="a", seconds=seconds), executor=executor)
    return outputs([after])[0]


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.5, 1.0, 2.0]),
        st.sampled_from("ab"),
        st.none() | st.integers(1, 9),
        st.sampled_from([0.0, 1.0, 3.0]),
    ),
    max_size=14,
)
"""When each step follows the one before, on which number, whether it writes, and how long it takes."""


@settings(deadline=None)
@given(STEPS)
def test_no_result_is_older_than_a_write_that_was_over_when_it_was_asked_for(steps: list[Any]) -> None:
    """Whatever runs beside what; with a cache that never forgets by itself."""
    in_jumping_time(_run(steps))


async def _run(steps: list[Any]) -> None:
    store, at = Store(cache=1e9), 0.0
    look, put, executor = store.look(), store.put(), CallExecutor()
    versions = {"a": 0, "b": 0}

    async def step(number: int, at: float, name: str, writes: bool, seconds: float) -> None:
        await asyncio.sleep(at)
        least = versions[name]
        request = (
            ask(put, name=name, number=number, seconds=seconds) if writes else ask(look, name=name, seconds=seconds)
        )
        [ended] = await turn([look, put], request, executor=executor)
        if not writes:
            assert outputs([ended])[0] >= least
        elif store.numbers[name] == number:
            versions[name] = number

    tasks: list[asyncio.Task[None]] = []
    busy: dict[str, float] = {"a": 0.0, "b": 0.0}
    for number, (gap, name, writes, seconds) in enumerate(steps, start=1):
        at += gap
        if writes:  # one writer at a time, so that later numbers are newer
            at = max(at, busy[name])
            busy[name] = at + seconds + 0.01
        tasks.append(asyncio.create_task(step(number, at, name, bool(writes), seconds), name=origin().batch))
    await asyncio.gather(*tasks)
