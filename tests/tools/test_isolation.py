"""What the end of one call means for the others, and what a deadline means for all."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from stand_ins.calls import ask, entry_of, id_of, outcomes, turn
from stand_ins.jumping_clock import in_jumping_time
from trunkline.errors import CallFailedError, QuorumError
from trunkline.tools import (
    CallExecutor,
    CallId,
    CallResult,
    CallState,
    Deadline,
    Done,
    Engine,
    Failed,
    FailureKind,
    ManualClock,
    MemoryLedger,
    Outcome,
    StillRunning,
    ToolCall,
    ToolRejectedError,
    ToolRequest,
    tool,
)
from trunkline.tools.call import OnFailure
from trunkline.tools.ledger import Ledger


class NewsLedger(MemoryLedger):
    """A ledger that remembers what the conversation is told of later."""

    def __init__(self) -> None:
        super().__init__()
        self.news: dict[CallId, Outcome] = {}

    async def record(self, call: ToolCall, result: CallResult, *, news: bool = False) -> None:
        await super().record(call, result, news=news)
        if news:
            assert call.call_id not in self.news
            self.news[call.call_id] = result.outcome


class Work:
    """Reads and effects that take some time, and what they did."""

    def __init__(self, ledger: Ledger | None = None, clock: ManualClock | None = None) -> None:
        self.began: list[str] = []
        self.ended: list[str] = []
        self.ledger = NewsLedger()
        engine = Engine(ledger=ledger or self.ledger)
        self.executor = CallExecutor(replace(engine, clock=clock) if clock else engine)
        self.look = tool(effect="read", reads=(), name="look")(self._act)
        self.put = tool(effect="write", key="put:{name}", writes="thing:{name}", name="put")(self._act)
        self.then = tool(effect="write", key="then:{name}", writes="thing:{name}", name="then")(self._act)

    async def _act(self, name: str, seconds: float = 0.0, fails: bool = False) -> str:
        """Act."""
        self.began.append(name)
        await asyncio.sleep(seconds)
        self.ended.append(name)
        if fails:
            raise ToolRejectedError("no")
        return name

    async def turn(self, *requests: ToolRequest, **terms: Any) -> list[Outcome]:
        tools = [self.look, self.put, self.then]
        return await turn(tools, *requests, executor=self.executor, batch="b", **terms)

    def state(self, request: ToolRequest, position: int) -> CallState:
        return entry_of(self.ledger, id_of(request, position)).state


def marked(request: ToolRequest, on_failure: OnFailure) -> ToolRequest:
    return replace(request, on_failure=on_failure)


CUT = Failed(kind=FailureKind.CANCELLED, message="the rest of the turn had ended")
LATE = Failed(kind=FailureKind.CANCELLED, message="the turn's deadline has passed")


def test_a_failure_is_a_result_like_any_other() -> None:
    """Unless the request says otherwise."""
    work = Work()
    requests = [ask(work.look, name="a", fails=True), ask(work.look, name="b", seconds=1)]

    ended = in_jumping_time(work.turn(*requests))
    assert ended == [Failed(kind=FailureKind.REJECTED, message="no"), Done(output="b")]


def test_a_required_call_fails_the_batch_when_all_have_ended() -> None:
    """The others' results are on the ledger."""
    work = Work()
    requests = [marked(ask(work.look, name="a", fails=True), "required"), ask(work.put, name="b", seconds=9)]
    with pytest.raises(CallFailedError, match="of tool 'look' was required and gave no result"):
        in_jumping_time(work.turn(*requests))

    assert work.ended == ["a", "b"]
    assert work.state(requests[1], 1) is CallState.DONE


def test_a_call_that_must_not_fail_ends_the_batch_at_once_but_no_effect() -> None:
    """Reads and what waits are dropped; the effect that runs comes to its end and is recorded."""
    work = Work()
    requests = [
        marked(ask(work.look, name="a", seconds=1, fails=True), "fail_fast"),
        ask(work.look, name="b", seconds=9),
        ask(work.put, name="c", seconds=5),
        ask(work.then, name="c"),
    ]
    with pytest.raises(CallFailedError):
        in_jumping_time(work.turn(*requests))

    assert (work.began, work.ended) == (["a", "b", "c"], ["a", "c"])
    states = [work.state(request, place) for place, request in enumerate(requests)]
    assert states == [CallState.FAILED, CallState.CANCELLED, CallState.DONE, CallState.CANCELLED]


@pytest.mark.parametrize(("on_failure", "ran"), [("fail_fast", []), ("required", ["b"])])
@pytest.mark.parametrize("wrong", [ask("nothing"), ask("look", nonsense=1)])
def test_a_needed_request_that_means_no_call_fails_the_batch(
    on_failure: OnFailure, ran: list[str], wrong: ToolRequest
) -> None:
    """A tool that is not there, or arguments that do not fit, are failures too."""
    work = Work()
    with pytest.raises(CallFailedError):
        in_jumping_time(work.turn(marked(wrong, on_failure), ask(work.put, name="b")))

    assert work.ended == ran


def test_a_quorum_is_enough() -> None:
    """The reads that are left are dropped; an effect that has begun ends, and its result is told as it is."""
    work = Work()
    requests = [
        ask(work.look, name="a", seconds=1),
        ask(work.look, name="b", fails=True),
        ask(work.look, name="c", seconds=2),
        ask(work.look, name="d", seconds=9),
        ask(work.put, name="e", seconds=7),
    ]
    ended = in_jumping_time(work.turn(*requests, quorum=2))

    no = Failed(kind=FailureKind.REJECTED, message="no")
    assert ended == [Done(output="a"), no, Done(output="c"), CUT, Done(output="e")]
    assert work.state(requests[4], 4) is CallState.DONE


def test_too_few_results_are_an_error() -> None:
    """When all have ended."""
    work = Work()
    requests = [ask(work.look, name="a"), ask(work.look, name="b", fails=True)]
    with pytest.raises(QuorumError, match="1 of 2 calls gave a result, and 2 were needed"):
        in_jumping_time(work.turn(*requests, quorum=2))


async def test_a_quorum_of_none_is_refused() -> None:
    """It would drop everything."""
    with pytest.raises(ValueError, match="quorum must be at least 1 call, got 0"):
        await Work().turn(quorum=0)


def test_after_the_soft_deadline_calls_go_on_and_become_news() -> None:
    """Those that run, and those that have not begun: the model reads that they still run."""
    work = Work()
    requests = [
        ask(work.look, name="a"),
        ask(work.look, name="b", seconds=5),
        ask(work.put, name="c", seconds=5),
        ask(work.then, name="c"),
    ]

    async def ended() -> list[Outcome]:
        found = await work.turn(*requests, deadline=Deadline(soft=1))
        assert asyncio.get_running_loop().time() == 1.0
        await asyncio.sleep(9)
        return found

    late = [id_of(request, place) for place, request in enumerate(requests)][1:]
    assert in_jumping_time(ended()) == [Done(output="a"), *[StillRunning(call_id=each) for each in late]]
    assert work.ledger.news == dict(zip(late, [Done(output=name) for name in "bcc"], strict=True))


@pytest.mark.parametrize("deadline", [Deadline(hard=3), Deadline(soft=1, hard=3)])
def test_after_the_hard_deadline_only_effects_that_run_go_on(deadline: Deadline) -> None:
    """Reads and what has not begun are cancelled; how each has ended is news."""
    work = Work()
    requests = [ask(work.look, name="b", seconds=5), ask(work.put, name="c", seconds=5), ask(work.then, name="c")]

    async def ended() -> list[Outcome]:
        found = await work.turn(*requests, deadline=deadline)
        assert asyncio.get_running_loop().time() == deadline.soft or deadline.hard
        await asyncio.sleep(9)
        return found

    late = [id_of(request, place) for place, request in enumerate(requests)]
    assert in_jumping_time(ended()) == [StillRunning(call_id=each) for each in late]
    assert work.ledger.news == dict(zip(late, [LATE, Done(output="c"), LATE], strict=True))


async def test_deadlines_go_by_the_engines_clock() -> None:
    """Both of them: a test moves it by hand."""
    clock = ManualClock()
    work, never = Work(clock=clock), asyncio.Event()

    @tool(effect="read")
    async def wait() -> None:
        """Wait."""
        await never.wait()

    deadline = Deadline(soft=1, hard=3)
    terms: dict[str, Any] = {"executor": work.executor, "batch": "b", "deadline": deadline}
    batch = asyncio.create_task(turn([wait], ask(wait), **terms))
    await clock.advance(0.9)
    assert not batch.done()
    await clock.advance(0.2)
    assert batch.done()
    await clock.advance(1.8)
    assert work.ledger.news == {}
    await clock.advance(0.2)
    assert work.ledger.news == {id_of(ask(wait)): LATE}


async def test_calls_that_end_before_the_hard_deadline_leave_nothing_behind() -> None:
    """No task waits for it."""
    clock, go = ManualClock(), asyncio.Event()

    @tool(effect="read")
    async def wait() -> None:
        """Wait."""
        await go.wait()

    executor = CallExecutor(Engine(clock=clock))
    before = asyncio.all_tasks()
    batch = asyncio.create_task(turn([wait], ask(wait), executor=executor, deadline=Deadline(soft=1, hard=3)))
    await clock.advance(2)
    await batch
    go.set()
    await clock.advance(0)

    assert asyncio.all_tasks() == before


class SlowLedger(NewsLedger):
    """A ledger that takes two seconds to write an end down."""

    async def record(self, call: ToolCall, result: CallResult, *, news: bool = False) -> None:
        await asyncio.sleep(2)
        await super().record(call, result, news=news)


def test_a_result_that_is_on_its_way_into_the_ledger_is_no_late_one() -> None:
    """It is waited for: told later, it would be told by nobody."""
    ledger = SlowLedger()
    work = Work(ledger=ledger)
    [ended] = in_jumping_time(work.turn(ask(work.put, name="a"), deadline=Deadline(soft=1)))

    assert (ended, ledger.news) == (Done(output="a"), {})


def test_a_late_call_that_another_call_settles_is_news_too() -> None:
    """Whoever was told to wait hears of the end: here the first result, for the second with the same key."""
    work = Work()
    first, again = ask(work.put, name="a", seconds=5), ask(work.put, name="a", seconds=5)

    async def late() -> None:
        await work.turn(first, again, deadline=Deadline(soft=1))
        await asyncio.sleep(9)

    in_jumping_time(late())
    assert work.ledger.news == {
        id_of(first, 0): Done(output="a"),
        id_of(again, 1): Done(output="a", replayed=True),
    }
    assert work.began == ["a"]


def test_closing_the_executor_ends_late_calls() -> None:
    """Reads are cancelled, effects come to their end, and each is recorded."""
    work = Work()
    requests = [ask(work.look, name="a", seconds=20), ask(work.put, name="b", seconds=20)]

    async def closed() -> None:
        await work.turn(*requests, deadline=Deadline(soft=1, hard=15))
        await work.executor.aclose()
        assert asyncio.get_running_loop().time() == 20.0
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    in_jumping_time(closed())
    assert work.ended == ["b"]
    states = [work.state(request, place) for place, request in enumerate(requests)]
    assert states == [CallState.CANCELLED, CallState.DONE]


def test_an_executor_that_is_closed_twice_waits_for_the_effect_once_more() -> None:
    """Also when whoever closes it is cancelled meanwhile."""
    work = Work()

    async def closed() -> None:
        await work.turn(ask(work.put, name="b", seconds=20), deadline=Deadline(soft=1))
        closing = asyncio.create_task(work.executor.aclose())
        await asyncio.sleep(1)
        closing.cancel()
        await asyncio.sleep(1)
        closing.cancel()
        await asyncio.wait([closing])
        assert (closing.cancelled(), work.ended) == (True, ["b"])
        await work.executor.aclose()

    in_jumping_time(closed())


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_batch_that_is_cancelled_again_and_again_still_ends_its_effect(times: int) -> None:
    """And leaves no task."""
    work = Work()
    requests = [ask(work.put, name="a", seconds=5), ask(work.look, name="b", seconds=5), ask(work.then, name="a")]

    async def cancelled() -> None:
        batch = asyncio.create_task(work.turn(*requests))
        for _ in range(times):
            await asyncio.sleep(1)
            batch.cancel()
        await asyncio.wait([batch])
        assert batch.cancelled()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    in_jumping_time(cancelled())
    states = [work.state(request, place) for place, request in enumerate(requests)]
    assert (work.ended, states) == (["a"], [CallState.DONE, CallState.CANCELLED, CallState.CANCELLED])


class Broken(MemoryLedger):
    """A ledger whose disk is full."""

    async def record(self, call: ToolCall, result: CallResult, *, news: bool = False) -> None:
        raise OSError("disk full")


async def test_several_calls_that_fall_raise_one_error_and_lose_none_in_silence() -> None:
    """The loop has nothing to complain of: every exception was looked at."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
    work = Work(ledger=Broken())
    requests: Sequence[ToolRequest] = [ask(work.look, name=name) for name in "abc"]
    with pytest.raises(OSError, match="disk full"):
        await work.turn(*requests)
    for _ in range(3):
        await asyncio.sleep(0)

    assert complaints == []
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_nothing_is_left_of_an_ordinary_batch() -> None:
    """No task and no slot."""
    work = Work()
    await work.turn(*[ask(work.look, name=str(n)) for n in range(20)])

    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert await outcomes([work.look], ask(work.look, name="x"), executor=work.executor) == [Done(output="x")]
