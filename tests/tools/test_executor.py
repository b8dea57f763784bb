"""Batches of calls: side by side, in order where it matters, each effect once."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest

from stand_ins.calls import Crowd, Listener, ask, id_of, origin, outcomes, results
from trunkline.tools import (
    CallExecutor,
    Done,
    Engine,
    Failed,
    FailureKind,
    MemoryLedger,
    Pending,
    Tool,
    Toolbox,
    ToolCall,
    ToolRejectedError,
    ToolRequest,
    Unknown,
    over,
    tool,
)
from trunkline.tools.binding import bind


@tool(effect="read", reads=())
async def ping() -> str:
    """Answer."""
    return "pong"


class Till:
    """What the tools of a till have done; an answer gets lost as often as `lost` says."""

    def __init__(self, *, lost: int = 0) -> None:
        self.paid: list[tuple[str, int]] = []
        self.lost = lost
        self.pay = tool(effect="write", key="pay:{order_id}", writes="order:{order_id}", retries=0, name="pay")(
            self._pay
        )
        self.pay_once = tool(effect="write_once", key="pay:{order_id}", name="pay_once")(self._pay)
        self.refund = tool(effect="write", key="refund:{order_id}", approve=over(50), name="refund")(self._pay)

    async def _pay(self, order_id: str, amount: int) -> int:
        """Pay."""
        if amount < 0:
            raise ToolRejectedError("an amount is at least 0")
        self.paid.append((order_id, amount))
        if self.lost:
            self.lost -= 1
            raise ConnectionError("gone")
        return len(self.paid)


async def test_sixteen_calls_are_in_flight_at_once() -> None:
    """Nothing but the declaration decides how many run together."""
    everyone = asyncio.Barrier(16)

    @tool(effect="read")
    async def meet(seat: int) -> int:
        """Wait for all others."""
        await everyone.wait()
        return seat

    ended = await outcomes([meet], *[ask(meet, seat=seat) for seat in range(16)])
    assert ended == [Done(output=seat) for seat in range(16)]


async def test_writes_to_different_things_are_in_flight_at_once() -> None:
    """Only those that touch the same thing are ordered."""
    everyone = asyncio.Barrier(16)

    @tool(effect="write", key="close:{order_id}", writes="order:{order_id}")
    async def close(order_id: int) -> int:
        """Wait for all others."""
        await everyone.wait()
        return order_id

    ended = await outcomes([close], *[ask(close, order_id=n) for n in range(16)])
    assert ended == [Done(output=n) for n in range(16)]


async def test_results_come_in_the_models_order() -> None:
    """Even when the last call ends first."""
    ended = [asyncio.Event() for _ in range(5)]
    ended[4].set()

    @tool(effect="read")
    async def after_next(n: int) -> int:
        """Wait for the call behind."""
        await ended[n].wait()
        if n:
            ended[n - 1].set()
        return n

    requests = [ask(after_next, n=n) for n in range(5)]
    found = await results([after_next], *requests, batch="b")
    assert [(result.request, result.outcome) for result in found] == [
        (request, Done(output=n)) for n, request in enumerate(requests)
    ]
    assert [result.call_id for result in found] == [id_of(request, n) for n, request in enumerate(requests)]


async def test_a_call_starts_the_moment_that_the_one_it_waits_for_has_ended() -> None:
    """It does not wait for the rest of the batch, which here waits for it."""
    second_runs = asyncio.Event()

    @tool(effect="write", key="step:{n}", writes="order:1")
    async def step(n: int) -> None:
        """Take a step."""
        if n == 2:
            second_runs.set()

    @tool(effect="read", reads=())
    async def slow() -> None:
        """Wait for the second step."""
        await second_runs.wait()

    assert await outcomes([slow, step], ask(slow), ask(step, n=1), ask(step, n=2)) == [Done(output=None)] * 3


async def test_an_empty_batch_has_no_results() -> None:
    """A message without calls is no error."""
    assert await outcomes([ping]) == []


async def test_tools_without_a_declared_effect_run_alone() -> None:
    """Beside neither reads nor each other, in the model's order."""
    crowd, order = Crowd(), list[str]()

    async def unknown(n: int) -> int:
        """Do who knows what."""
        with crowd:
            order.append(f"unknown {n}")
            for _ in range(5):
                await asyncio.sleep(0)
            assert crowd.inside == 1
        return n

    @tool(effect="read")
    async def look(n: int) -> None:
        """Look."""
        with crowd:
            order.append(f"look {n}")
            await asyncio.sleep(0)

    requests = [ask(look, n=0), ask(unknown, n=1), ask(look, n=2), ask(look, n=3), ask(unknown, n=4)]
    ended = await outcomes([unknown, look], *requests)
    assert ended == [Done(output=None), Done(output=1), Done(output=None), Done(output=None), Done(output=4)]
    assert (crowd.peak, order) == (2, ["look 0", "unknown 1", "look 2", "look 3", "unknown 4"])


async def test_the_same_key_twice_is_one_effect_with_the_first_result() -> None:
    """Within a batch and in a later one."""
    till, executor = Till(), CallExecutor()
    ask_twice = [ask(till.pay, order_id="A", amount=5)] * 2

    assert await outcomes([till.pay], *ask_twice, executor=executor) == [Done(output=1), Done(output=1, replayed=True)]
    assert await outcomes([till.pay], *ask_twice, executor=executor) == [Done(output=1, replayed=True)] * 2
    assert till.paid == [("A", 5)]


async def test_the_same_key_with_other_arguments_is_refused() -> None:
    """The model is told, and nothing happens."""
    till = Till()
    requests = [ask(till.pay, order_id="A", amount=5), ask(till.pay, order_id="A", amount=6)]
    message = f"key 'pay:A' was already used by call {id_of(requests[0])} with other arguments; nothing was done"

    assert await outcomes([till.pay], *requests, batch="b") == [
        Done(output=1),
        Failed(kind=FailureKind.REJECTED, message=message),
    ]
    assert till.paid == [("A", 5)]


async def test_a_refused_effect_may_be_corrected_under_its_key() -> None:
    """What changed nothing holds nothing."""
    till, executor = Till(), CallExecutor()
    requests = [ask(till.pay, order_id="A", amount=-5), ask(till.pay, order_id="A", amount=5)]

    assert await outcomes([till.pay], *requests, executor=executor) == [
        Failed(kind=FailureKind.REJECTED, message="an amount is at least 0"),
        Done(output=1),
    ]


async def test_a_lost_answer_can_be_asked_for_again_where_the_other_side_knows_the_key() -> None:
    """A keyed write runs again, under the same key."""
    till, executor = Till(lost=1), CallExecutor()
    request = ask(till.pay, order_id="A", amount=5)
    [lost] = await outcomes([till.pay], request, executor=executor)
    [asked_again] = await outcomes([till.pay], request, executor=executor)

    assert isinstance(lost, Unknown)
    assert "asking again with the same arguments is safe" in lost.message
    assert (asked_again, till.paid) == (Done(output=2), [("A", 5)] * 2)


async def test_a_lost_answer_cannot_be_asked_for_again_where_the_other_side_knows_no_key() -> None:
    """A `write_once` never runs a second time; a person must look."""
    till, executor = Till(lost=1), CallExecutor()
    request = ask(till.pay_once, order_id="A", amount=5)
    lost, asked_again = [await outcomes([till.pay_once], request, executor=executor) for _ in range(2)]

    assert [isinstance(outcome, Unknown) for outcome in lost + asked_again] == [True, True]
    assert till.paid == [("A", 5)]


async def test_a_call_that_waits_for_a_person_holds_up_nobody() -> None:
    """Siblings run, even one that comes after it and touches the same thing."""
    till = Till()
    requests = [ask(till.refund, order_id="A", amount=60), ask(ping), ask(till.pay, order_id="A", amount=5)]
    pending = Pending(call_id=id_of(requests[0]), reason="amount 60 is over 50")

    ended = await outcomes([till.refund, till.pay, ping], *requests, batch="b")
    assert ended == [pending, Done(output="pong"), Done(output=1)]
    assert till.paid == [("A", 5)]


async def test_below_its_rule_an_effect_needs_nobody() -> None:
    """Asking once more for one that waits gives the same approval to wait for."""
    till, executor = Till(), CallExecutor()
    requests = [ask(till.refund, order_id=order, amount=amount) for order, amount in (("A", 50), ("B", 51))]
    [done, waiting] = await outcomes([till.refund], *requests, executor=executor)
    [same] = await outcomes([till.refund], requests[1], executor=executor)

    assert (done, waiting) == (Done(output=1), same)
    assert isinstance(waiting, Pending)


async def test_a_resumed_batch_runs_nothing_again() -> None:
    """The same origin finds every result in the ledger, also that of a read and of a refusal."""
    till, executor, looked = Till(), CallExecutor(), list[int]()

    @tool(effect="read")
    async def look(n: int) -> int:
        """Look."""
        looked.append(n)
        return n

    requests = [ask(look, n=1), ask(till.pay, order_id="A", amount=5), ask(till.pay, order_id="B", amount=-1)]
    first = await outcomes([look, till.pay], *requests, executor=executor, batch="b")
    resumed = await outcomes([look, till.pay], *requests, executor=executor, batch="b")

    assert resumed == first
    assert (looked, till.paid) == ([1], [("A", 5)])


async def test_a_batch_that_was_cut_off_runs_only_what_is_missing() -> None:
    """After a crash between two calls, and in the middle of a keyed write."""
    till, ledger = Till(), MemoryLedger()
    requests = [ask(till.pay, order_id=order, amount=5) for order in "ABC"]
    await outcomes([till.pay], *requests[:1], executor=CallExecutor(Engine(ledger=ledger)), batch="b")
    cut_off = bind(Toolbox([till.pay]), requests[1], origin("b"), 1)
    assert isinstance(cut_off, ToolCall)
    await ledger.intend(cut_off)

    ended = await outcomes([till.pay], *requests, executor=CallExecutor(Engine(ledger=ledger)), batch="b")
    assert ended == [Done(output=1), Done(output=2), Done(output=3)]
    assert till.paid == [("A", 5), ("B", 5), ("C", 5)]


async def test_the_watcher_hears_of_each_call_that_runs_or_is_settled() -> None:
    """Started, then finished, also for one that waits for a person or comes from the ledger."""
    till, executor, listener = Till(), CallExecutor(), Listener()
    requests = [ask(till.refund, order_id="A", amount=60), ask(till.pay, order_id="A", amount=5)]
    for _ in range(2):
        await executor.run(Toolbox([till.refund, till.pay]), requests, origin=origin("b"), watcher=listener)

    heard = ["refund started", "refund finished: Pending", "pay started", "pay finished: Done"]
    assert sorted(listener.heard) == sorted(heard * 2)


class Stage:
    """A read and a write that wait to be let go, in a batch that can be cancelled."""

    def __init__(self) -> None:
        self.playing: list[str] = []
        self.over: list[str] = []
        self.let_go, self.both_play = asyncio.Event(), asyncio.Barrier(3)
        self.tools: Sequence[Tool] = (
            tool(effect="read", reads=())(self.look),
            tool(effect="write", key="act:{n}", writes="stage")(self.act),
        )

    async def look(self) -> str:
        """Look on."""
        return await self._play("look")

    async def act(self, n: int) -> str:
        """Act."""
        return await self._play(f"act {n}")

    async def _play(self, part: str) -> str:
        self.playing.append(part)
        await self.both_play.wait()
        await self.let_go.wait()
        self.over.append(part)
        return part

    @asynccontextmanager
    async def cancelled(self, executor: CallExecutor, *requests: ToolRequest) -> AsyncGenerator[None]:
        """Start the batch, cancel it when the read and the write play, and end when it has ended."""
        batch = asyncio.create_task(outcomes(self.tools, *requests, executor=executor, batch="b"))
        await self.both_play.wait()
        batch.cancel()
        for _ in range(10):
            await asyncio.sleep(0)
        yield
        assert not batch.done()
        self.let_go.set()
        with pytest.raises(asyncio.CancelledError):
            await batch


async def test_a_cancelled_batch_ends_its_running_effect_first() -> None:
    """The read is dropped, the effect that runs ends and is recorded, the one behind it never starts."""
    stage, ledger = Stage(), MemoryLedger()
    requests = [ask("look"), ask("act", n=1), ask("act", n=2)]
    async with stage.cancelled(CallExecutor(Engine(ledger=ledger)), *requests):
        assert stage.over == []

    assert (stage.playing, stage.over) == (["look", "act 1"], ["act 1"])
    calls = [bind(Toolbox(stage.tools), request, origin("b"), place) for place, request in enumerate(requests)]
    known = await ledger.recall([call.call_id for call in calls if isinstance(call, ToolCall)])
    assert known == {id_of(requests[1], 1): Done(output="act 1")}


async def test_a_cancelled_batch_can_be_resumed() -> None:
    """What ended is not run again, the rest is."""
    stage, executor = Stage(), CallExecutor()
    requests = [ask("look"), ask("act", n=1), ask("act", n=2)]
    async with stage.cancelled(executor, *requests):
        pass
    stage.both_play = asyncio.Barrier(1)

    assert await outcomes(stage.tools, *requests, executor=executor, batch="b") == [
        Done(output="look"),
        Done(output="act 1"),
        Done(output="act 2"),
    ]
    assert stage.over == ["act 1", "look", "act 2"]


async def test_a_ledger_that_fails_ends_the_batch_with_its_error() -> None:
    """What cannot be recorded is not hidden from the run, as one plain exception."""

    class Broken(MemoryLedger):
        async def intend(self, call: ToolCall, *, cleared: bool = False) -> None:
            raise OSError("disk full")

    till = Till()
    with pytest.raises(OSError, match="disk full"):
        await outcomes(
            [till.pay], ask(till.pay, order_id="A", amount=1), executor=CallExecutor(Engine(ledger=Broken()))
        )

    assert till.paid == []


async def test_a_request_that_means_no_call_is_told_to_who_watches() -> None:
    """A wrong name and wrong arguments are on the trace, like any call."""
    listener, executor = Listener(), CallExecutor()
    wrong = [ask("nothing"), ask("nothing", order=17)]
    await executor.run(Toolbox(), wrong, origin=origin("b"), watcher=listener)

    assert listener.heard == ["nothing refused", "nothing refused"]
