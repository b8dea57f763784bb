"""Attempts that get no answer, and what follows."""

import asyncio
from typing import Any

import httpx
import pytest

from stand_ins.calls import Listener, ask, entry_of, id_of, origin, outcomes, turn
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
    Tool,
    Toolbox,
    ToolRejectedError,
    Unknown,
    current_call,
    tool,
)

REFUSED, LOST = ConnectionRefusedError("not reached"), ConnectionResetError("gone")


class Flaky:
    """A tool that answers as it is told, and then rightly; it writes down who called."""

    def __init__(self, *answers: BaseException | None, **declared: Any) -> None:
        self.answers: list[BaseException | None] = list(answers)
        self.heard: list[tuple[int, str | None]] = []
        self.times: list[float] = []
        terms: dict[str, Any] = {"effect": "read", "name": "act", **declared}
        self.act: Tool = tool(**terms)(self._act)

    async def _act(self, n: int = 0) -> int:
        """Act."""
        call = current_call()
        self.heard.append((call.attempt, call.key))
        self.times.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0) if self.answers else None
        await asyncio.sleep(0)
        if answer:
            raise answer
        return len(self.heard)

    def ended(self, *, executor: CallExecutor | None = None) -> Outcome:
        """How one call ends, on a clock that jumps."""
        return in_jumping_time(outcomes([self.act], ask(self.act, n=0), executor=executor))[0]


@pytest.mark.parametrize(
    ("declared", "key"), [({"effect": "read"}, None), ({"effect": "write", "key": "act:{n}"}, "act:0")]
)
def test_a_read_and_a_keyed_write_are_tried_again(declared: dict[str, Any], key: str | None) -> None:
    """With the number of the attempt, and the same key each time."""
    flaky = Flaky(LOST, TimeoutError(), **declared)

    assert flaky.ended() == Done(output=3)
    assert flaky.heard == [(1, key), (2, key), (3, key)]


@pytest.mark.parametrize(
    "declared", [{"effect": "write_once"}, {"effect": "write_once", "key": "act:{n}"}, {"effect": None}]
)
@pytest.mark.parametrize("error", [LOST, REFUSED])
def test_what_may_not_be_repeated_is_tried_once(declared: dict[str, Any], error: Exception) -> None:
    """Even when the last request was not sent: the tool may have made others."""
    flaky = Flaky(error, **declared)

    assert isinstance(flaky.ended(), Unknown)
    assert flaky.heard == [(1, "act:0" if "key" in declared else None)]


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_retries_are_as_many_as_declared(retries: int) -> None:
    """After the last the read is retryable for the model."""
    flaky = Flaky(*[REFUSED] * 9, retries=retries)

    assert flaky.ended() == Failed(kind=FailureKind.RETRYABLE, message="ConnectionRefusedError: not reached")
    assert len(flaky.heard) == retries + 1


@pytest.mark.parametrize("error", [ToolRejectedError("no"), KeyError("x")])
def test_an_answer_is_not_asked_for_again(error: Exception) -> None:
    """A refusal and a bug are answers."""
    flaky = Flaky(error)

    assert isinstance(flaky.ended(), Failed)
    assert len(flaky.heard) == 1


def test_an_effect_in_doubt_stays_in_doubt_when_later_attempts_are_refused() -> None:
    """The first may have taken effect, whatever is said about the second."""
    for later in (REFUSED, ToolRejectedError("it is closed")):
        flaky = Flaky(LOST, later, later, effect="write", key="act:{n}")

        ended = flaky.ended()
        assert isinstance(ended, Unknown)
        assert ended.message.startswith("ConnectionResetError: gone")


def test_an_effect_that_certainly_did_not_happen_has_failed() -> None:
    """Its key is free for the next."""
    flaky = Flaky(*[REFUSED] * 3, effect="write", key="act:{n}")

    assert isinstance(flaky.ended(), Failed)


def test_the_slot_is_free_while_a_call_waits_for_its_next_attempt() -> None:
    """With room for one, the other call runs meanwhile."""
    flaky = Flaky(REFUSED, limit=1)
    ended = in_jumping_time(outcomes([flaky.act], ask(flaky.act, n=0), ask(flaky.act, n=1)))

    assert ended == [Done(output=3), Done(output=2)]
    assert [attempt for attempt, _ in flaky.heard] == [1, 1, 2]


def answer(status: int, **headers: str) -> httpx.HTTPStatusError:
    """What httpx raises for an answer with this status."""
    request = httpx.Request("GET", "http://back.end")
    response = httpx.Response(status, headers=headers, request=request)
    return httpx.HTTPStatusError(str(status), request=request, response=response)


def test_the_other_side_says_how_long_to_wait() -> None:
    """At least so long, and not much longer."""
    flaky = Flaky(answer(429, **{"Retry-After": "7"}))

    assert flaky.ended() == Done(output=2)
    assert 7.0 <= flaky.times[1] - flaky.times[0] <= 7.2 + 1e-6


def test_who_asks_for_too_long_a_wait_is_not_waited_for() -> None:
    """The model decides what to do meanwhile."""
    flaky = Flaky(answer(503, **{"Retry-After": "31"}))

    assert isinstance(flaky.ended(), Failed)
    assert len(flaky.heard) == 1


def test_retries_never_multiply_the_load_on_a_back_end_that_is_down() -> None:
    """Ten in reserve, and then one for five first attempts; every second call is answered, so no circuit opens."""
    flaky, executor = Flaky(), CallExecutor()

    async def many() -> None:
        for n in range(60):
            flaky.answers = [REFUSED, None] if n % 2 else []
            await outcomes([flaky.act], ask(flaky.act, n=n), executor=executor)

    in_jumping_time(many())
    assert 10 <= len(flaky.heard) - 60 <= 10 + 60 / 5


def test_attempts_are_told_to_who_watches() -> None:
    """With the number of the one that failed."""
    flaky, listener = Flaky(LOST, LOST), Listener()
    run = CallExecutor().run(Toolbox([flaky.act]), [ask(flaky.act)], origin=origin(), watcher=listener)
    in_jumping_time(run)

    assert listener.heard == [
        "act started",
        "act retried after attempt 1",
        "act retried after attempt 2",
        "act finished: Done",
    ]


@pytest.mark.parametrize(
    ("errors", "state"),
    [([LOST], CallState.UNKNOWN), ([REFUSED], CallState.FAILED), ([LOST, REFUSED], CallState.UNKNOWN)],
)
async def test_a_call_that_is_cancelled_between_attempts_records_what_is_known(
    errors: list[Exception], state: CallState
) -> None:
    """What an attempt may have done is not forgotten."""
    clock, ledger = ManualClock(), MemoryLedger()
    flaky = Flaky(*errors, effect="write", key="act:{n}")
    request = ask(flaky.act, n=0)
    executor = CallExecutor(Engine(clock=clock, ledger=ledger))
    batch = asyncio.create_task(outcomes([flaky.act], request, executor=executor, batch="b"))
    for _ in errors:
        await clock.advance(clock.next_wake or 0)
    batch.cancel()
    await asyncio.wait([batch])

    assert (batch.cancelled(), len(flaky.heard)) == (True, len(errors))
    assert entry_of(ledger, id_of(request)).state is state


def test_the_rate_holds_for_attempts() -> None:
    """Of calls and of retries alike, in the order of asking."""
    flaky = Flaky(REFUSED, REFUSED, rate="2/10s")
    in_jumping_time(outcomes([flaky.act], *[ask(flaky.act, n=n) for n in range(4)]))

    gaps = [later - sooner for sooner, later in zip(flaky.times, flaky.times[2:], strict=False)]
    assert len(flaky.times) == 6
    assert min(gaps) >= 10.0 - 1e-6


async def failing(flaky: Flaky, executor: CallExecutor, times: int) -> list[Outcome]:
    """Call as often, one after another, with nothing but lost answers."""
    flaky.answers = [LOST] * times
    return [(await outcomes([flaky.act], ask(flaky.act, n=n), executor=executor))[0] for n in range(times)]


async def test_a_circuit_opens_and_closes() -> None:
    """Five attempts without an answer open it; after half a minute one probe goes through, and its answer closes it."""
    clock, flaky = ManualClock(), Flaky(retries=0)
    executor = CallExecutor(Engine(clock=clock))
    await failing(flaky, executor, 5)
    [refused] = await outcomes([flaky.act], ask(flaky.act), executor=executor)

    message = "act gave no answer several times in a row; its circuit is open for another 30 s"
    assert (refused, len(flaky.heard)) == (Failed(kind=FailureKind.RETRYABLE, message=message), 5)
    await clock.advance(30)
    assert await turn([flaky.act], *[ask(flaky.act, n=n) for n in range(9)], executor=executor) == [
        Done(output=6),
        *[Failed(kind=FailureKind.RETRYABLE, message=message)] * 8,
    ]
    assert await outcomes([flaky.act], ask(flaky.act), executor=executor) == [Done(output=7)]


async def test_a_probe_without_an_answer_opens_the_circuit_again() -> None:
    """For the whole time."""
    clock, flaky = ManualClock(), Flaky(retries=0)
    executor = CallExecutor(Engine(clock=clock))
    await failing(flaky, executor, 5)
    await clock.advance(30)
    await failing(flaky, executor, 1)
    await clock.advance(29)
    await outcomes([flaky.act], ask(flaky.act), executor=executor)

    assert len(flaky.heard) == 6


async def test_a_probe_that_the_ledger_settles_makes_room_for_the_next() -> None:
    """Nothing was learned from it, and nobody waits for another half minute."""
    clock, flaky = ManualClock(), Flaky(retries=0, effect="write", key="act:{n}")
    executor = CallExecutor(Engine(clock=clock))
    await outcomes([flaky.act], ask(flaky.act, n=100), executor=executor)
    await failing(flaky, executor, 5)
    await clock.advance(30)
    settled, answered = await turn([flaky.act], ask(flaky.act, n=100), ask(flaky.act, n=200), executor=executor)

    assert (settled, answered) == (Done(output=1, replayed=True), Done(output=7))
