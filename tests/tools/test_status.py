"""What a tool's `status=` decides about effects whose outcome nobody knows."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from stand_ins.calls import ask, cut_off, entry_of, id_of, outcomes, turn
from stand_ins.jumping_clock import in_jumping_time
from trunkline.tools import (
    CallExecutor,
    CallState,
    Done,
    Engine,
    Failed,
    FailureKind,
    IdempotencyKey,
    MemoryLedger,
    Pending,
    Tool,
    ToolRequest,
    Unknown,
    current_call,
    tool,
)

NOT_HAPPENED = Failed(kind=FailureKind.RETRYABLE, message="no answer, and the other side says that it did not happen")


def nobody(_: Mapping[str, Any]) -> None:
    """Nobody need approve."""


class Bank:
    """Pays once, loses answers, and can be asked what it paid."""

    def __init__(self, *, lost: int = 0, arrives: bool = True, **declared: Any) -> None:
        self.paid: list[int] = []
        self.asked: list[tuple[int, str | None, str | None]] = []
        self.lost, self.arrives = lost, arrives
        self.trouble: BaseException | None = None
        self.ledger = MemoryLedger()
        self.executor = CallExecutor(Engine(ledger=self.ledger))
        terms: dict[str, Any] = {"effect": "write_once", "key": "pay:{order_id}", "status": self.status, **declared}
        self.pay: Tool = tool(**terms, name="pay")(self._pay)

    async def _pay(self, order_id: int, amount: int) -> int:
        """Pay."""
        del amount
        if self.arrives:
            self.paid.append(order_id)
        if self.lost:
            self.lost -= 1
            raise ConnectionResetError("gone")
        return len(self.paid)

    async def status(self, order_id: int, key: str | None) -> int | None:
        self.asked.append((order_id, key, current_call().key))
        if self.trouble:
            raise self.trouble
        return self.paid.index(order_id) + 1 if order_id in self.paid else None

    def request(self) -> ToolRequest:
        return ask(self.pay, order_id=7, amount=5)

    async def ask(self, *requests: ToolRequest, batch: str = "b") -> Any:
        return await outcomes([self.pay], *(requests or (self.request(),)), executor=self.executor, batch=batch)

    async def cut_off(self) -> None:
        await cut_off(self.ledger, self.pay, self.request())


@pytest.mark.parametrize("effect", ["write_once", "irreversible", None])
async def test_a_lost_answer_is_asked_for(effect: Any) -> None:
    """With those of the call's arguments that the function names, and its key."""
    bank = Bank(lost=1, effect=effect, approve=nobody)

    assert await bank.ask() == [Done(output=1)]
    assert bank.asked == [(7, "pay:7", "pay:7")]


async def test_an_effect_that_did_not_happen_has_failed_and_may_be_asked_for_again() -> None:
    """It has let go of its key."""
    bank = Bank(lost=1, arrives=False)
    first = await bank.ask()
    bank.arrives = True

    assert first == [NOT_HAPPENED]
    assert (await bank.ask(batch="later"), bank.paid) == ([Done(output=1)], [7])


@pytest.mark.parametrize("trouble", [ConnectionResetError("gone"), KeyError("x"), asyncio.CancelledError()])
async def test_a_status_that_cannot_be_had_leaves_the_outcome_unknown(
    trouble: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """And is in the log. The next call with the key asks once more."""
    bank = Bank(lost=1)
    bank.trouble = trouble
    [lost] = await bank.ask()
    bank.trouble = None

    assert isinstance(lost, Unknown)
    assert [record.message.split()[0] for record in caplog.records] == ["call.status_failed"]
    assert await bank.ask(batch="later") == [Done(output=1, replayed=True)]
    assert bank.paid == [7]


def test_a_status_has_the_time_that_the_tool_has() -> None:
    """One that never answers holds up nobody for ever."""

    async def silent(order_id: int) -> None:
        del order_id
        await asyncio.Event().wait()

    async def timed() -> tuple[Any, float]:
        bank = Bank(lost=1, status=silent, timeout=3)
        return await bank.ask(), asyncio.get_running_loop().time()

    [ended], seconds = in_jumping_time(timed())
    assert isinstance(ended, Unknown)
    assert seconds == 3.0


@pytest.mark.parametrize(
    ("happened", "ended", "state"),
    [(True, Done(output=1, replayed=True), CallState.DONE), (False, Done(output=1), CallState.DONE)],
)
async def test_after_a_crash_status_decides_whether_the_effect_runs(
    happened: bool, ended: Done, state: CallState
) -> None:
    """What has happened is taken over, what has not runs now: once in the end."""
    bank = Bank()
    await bank.cut_off()
    bank.paid = [7] if happened else []

    assert await bank.ask() == [ended]
    assert (bank.paid, entry_of(bank.ledger, id_of(bank.request())).state) == ([7], state)


async def test_after_a_crash_that_nobody_can_clear_up_a_person_must_look() -> None:
    """The ledger says so, and the effect never runs again."""
    bank = Bank(status=None)
    await bank.cut_off()
    ended = [await bank.ask(), await bank.ask(batch="later")]

    assert [isinstance(outcome, Unknown) for [outcome] in ended] == [True, True]
    assert (bank.paid, entry_of(bank.ledger, id_of(bank.request())).state) == ([], CallState.UNKNOWN)


@pytest.mark.parametrize("happened", [True, False])
async def test_a_call_that_somebody_must_approve_asks_for_an_earlier_one_first(happened: bool) -> None:
    """Nobody is asked to approve what has happened already; what has not waits for them."""
    reason: list[str | None] = [None]

    def needed(_: Mapping[str, Any]) -> str | None:
        return reason[0]

    bank = Bank(lost=1, arrives=happened, approve=needed)
    bank.trouble = ConnectionResetError("gone")
    await bank.ask()
    bank.trouble, reason[0] = None, "much"
    [ended] = await bank.ask(batch="later")

    assert isinstance(ended, Done if happened else Pending)
    assert bank.paid == ([7] if happened else [])


async def test_a_circuit_that_opens_between_attempts_does_not_keep_the_status_from_being_asked() -> None:
    """A keyed write whose retry is refused ends as what the other side says."""
    bank = Bank(lost=9, effect="write", retries=9)

    async def ended() -> Any:
        return await bank.ask()

    assert await asyncio.to_thread(in_jumping_time, ended()) == [Done(output=1)]
    assert len(bank.paid) == 5


async def test_what_was_cut_off_is_not_forgotten_when_the_circuit_is_open() -> None:
    """The other calls of the tool get no answer; this one may have happened."""
    bank = Bank(status=None)
    await bank.cut_off()
    for order in range(5):
        bank.lost = 1
        await bank.ask(ask(bank.pay, order_id=order, amount=1), batch=f"other {order}")
    [ended] = await bank.ask()

    assert isinstance(ended, Unknown)
    assert entry_of(bank.ledger, id_of(bank.request())).state is CallState.UNKNOWN


async def test_what_was_cut_off_is_not_forgotten_when_the_resumed_batch_is_cancelled() -> None:
    """It waited for a slot, and had not been looked at."""
    bank = Bank(limit=1, lane="bank")
    await bank.cut_off()
    inside, leave = asyncio.Event(), asyncio.Event()

    @tool(effect="read", lane="bank")
    async def hold() -> None:
        """Hold the lane."""
        inside.set()
        await leave.wait()

    holding = asyncio.create_task(turn([hold], ask(hold), executor=bank.executor))
    await inside.wait()
    resumed = asyncio.create_task(bank.ask())
    for _ in range(5):
        await asyncio.sleep(0)
    resumed.cancel()
    await asyncio.wait([resumed])
    leave.set()
    await holding

    assert entry_of(bank.ledger, id_of(bank.request())).state is CallState.RUNNING


async def test_a_status_may_be_a_plain_function() -> None:
    """It runs in a thread of ours."""

    def status(order_id: int) -> dict[str, int]:
        return {"order": order_id}

    bank = Bank(lost=1, status=status)

    assert await bank.ask() == [Done(output={"order": 7})]


async def test_the_key_reaches_the_tool_as_an_argument() -> None:
    """The model neither sees nor passes it."""

    @tool(effect="write", key=lambda given: f"order/{given['order_id']}")
    async def pay(order_id: int, key: IdempotencyKey) -> str:
        """Pay."""
        assert current_call().key == key
        return f"{order_id} under {key}"

    assert pay.parameters.names == {"order_id"}
    assert await outcomes([pay], ask(pay, order_id=7)) == [Done(output="7 under order/7")]
