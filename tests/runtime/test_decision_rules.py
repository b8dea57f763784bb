"""Whatever is decided on calls in whatever order: the ledger keeps every promise about decisions."""

import asyncio
import shutil
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from stand_ins.calls import ask
from trunkline import ManualClock, tool
from trunkline.errors import (
    AlreadyDecidedError,
    DecisionError,
    EditRefusedError,
    RequestExpiredError,
    RequestWithdrawnError,
    SamePersonError,
)
from trunkline.runtime.calls.decision import Decision, Verdict
from trunkline.runtime.storage.call_book import Edit
from trunkline.runtime.storage.database import Database, open_database, upgrade_database
from trunkline.tools import (
    Ask,
    CallResult,
    CallState,
    Done,
    Failed,
    FailureKind,
    Origin,
    Outcome,
    Pending,
    Toolbox,
    ToolCall,
    Unknown,
)
from trunkline.tools.binding import bind
from trunkline.tools.call import state_of
from trunkline.tools.ledger import HOLDING, WAITING

Result = TypeVar("Result")
PEOPLE = st.sampled_from(["dana", "eve", "finn"])
ORDERS = st.sampled_from(["A", "B", "C", "D"])
AMOUNTS = st.sampled_from([1, 2])


@tool(effect="write", key="pay:{order_id}", writes="order:{order_id}")
async def pay(order_id: str, amount: int) -> str:
    """Pay for an order."""
    return f"{order_id} {amount}"


@cache
def upgraded() -> Path:
    """A file with all tables, to make others of."""
    path = Path(mkdtemp()) / "upgraded.db"
    asyncio.run(upgrade_database(f"sqlite:///{path}"))
    return path


@dataclass(slots=True)
class Known:
    """What must be so about a call."""

    call: ToolCall
    state: CallState
    people: int
    """How many must agree; 0: the customer's word is enough."""

    within: float | None
    expires: float | None
    agreed: list[str] = field(default_factory=list[str])
    confirmed: bool = False
    runs: int = 0

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.call.request.arguments)

    @property
    def as_decided(self) -> ToolCall:
        return replace(self.call, confirmed=self.confirmed, approved=bool(self.agreed))

    @property
    def too_late(self) -> type[DecisionError]:
        late = {CallState.EXPIRED: RequestExpiredError, CallState.WITHDRAWN: RequestWithdrawnError}
        return late.get(self.state, AlreadyDecidedError)


class Decisions(RuleBasedStateMachine):
    """People, a customer, the clock and processes do what they like; beside them a model of what must follow."""

    calls = Bundle("calls")

    @initialize(target=calls, people=st.integers(1, 3), confirm=st.sampled_from([None, None, 0, 1]))
    def open(self, people: int, confirm: int | None) -> Any:
        """There are two requests from the beginning."""
        self.folder = TemporaryDirectory()
        path = Path(self.folder.name) / "line.db"
        shutil.copy(upgraded(), path)
        self.clock, self.runner, self.known = ManualClock(), asyncio.Runner(), list[Known]()
        self.opening = open_database(f"sqlite:///{path}", clock=self.clock)
        self.database: Database = self.run(self.opening.__aenter__())
        known = [self.propose_one(order, 1, people, confirm, None) for order in "AB"]
        return multiple(*known)  # pyright: ignore[reportUnknownVariableType]

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.run(self.opening.__aexit__(None, None, None))
            self.runner.close()
            self.folder.cleanup()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(work)

    @rule(
        target=calls,
        order=ORDERS,
        amount=AMOUNTS,
        people=st.integers(1, 3),
        confirm=st.sampled_from([None, 0, 1]),
        within=st.sampled_from([None, None, 50.0]),
    )
    def propose(self, order: str, amount: int, people: int, confirm: int | None, within: float | None) -> Any:
        """A model asks for something that the customer (`confirm`), then people, must agree to."""
        known = self.propose_one(order, amount, people, confirm, within)
        return multiple(known) if known else multiple()  # pyright: ignore[reportUnknownVariableType]

    def propose_one(
        self, order: str, amount: int, people: int, confirm: int | None, within: float | None
    ) -> Known | None:
        call = self.bound(order, amount)
        of = "approval" if confirm is None else "confirmation"
        first = self.holder(call)
        asked = Ask(reason="why", people=people if confirm is None else 1, within=within)
        outcome = self.run(self.database.ledger.propose(call, asked, of))

        if first and (first.state is not CallState.UNKNOWN or first.call.fingerprint != call.fingerprint):
            assert settled(outcome, first, call)
            return None
        assert outcome == Pending(call_id=call.call_id, reason="why", of=of)
        state = CallState.AWAITING_APPROVAL if confirm is None else CallState.PROPOSED
        needed = people if confirm in {None, 1} else 0
        known = Known(call=call, state=state, people=needed, within=within, expires=self.end_of(within))
        self.known.append(known)
        return known

    @rule(known=calls)
    def confirm(self, known: Known) -> None:
        """The customer agrees."""
        if self.decides(known, Verdict.CONFIRM, wanted={CallState.PROPOSED}):
            known.state, known.confirmed = CallState.READY, True

    @rule(known=calls, by=PEOPLE)
    def approve(self, known: Known, by: str) -> None:
        """A colleague agrees."""
        again = SamePersonError if by in known.agreed else None
        if self.decides(known, Verdict.APPROVE, wanted={CallState.AWAITING_APPROVAL}, by=by, refused=again):
            known.agreed.append(by)
            known.state = CallState.READY if len(known.agreed) >= known.people else CallState.AWAITING_APPROVAL

    @rule(known=calls, by=PEOPLE, order=ORDERS, amount=AMOUNTS)
    def edit(self, known: Known, by: str, order: str, amount: int) -> None:
        """A colleague agrees to something else."""
        new = replace(self.bound(order, amount), call_id=known.call.call_id)
        holder = self.holder(new, beside=known)
        holds = holder and (holder.state is not CallState.UNKNOWN or holder.call.fingerprint != new.fingerprint)
        edit = Edit(arguments=new.request.arguments, effect=new.effect, key=new.key, fingerprint=new.fingerprint)
        taken = EditRefusedError if holds else None
        if self.decides(known, Verdict.APPROVE, wanted={CallState.AWAITING_APPROVAL}, by=by, refused=taken, edit=edit):
            known.call, known.agreed = new, [by]
            known.state = CallState.READY if known.people <= 1 else CallState.AWAITING_APPROVAL

    @rule(known=calls, by=PEOPLE)
    def reject(self, known: Known, by: str) -> None:
        """A colleague refuses."""
        if self.decides(known, Verdict.REJECT, wanted=WAITING, by=by):
            known.state = CallState.REJECTED

    @rule(known=calls)
    def withdraw(self, known: Known) -> None:
        """The customer thinks again."""
        if self.decides(known, Verdict.WITHDRAW, wanted=WAITING | {CallState.READY}):
            known.state = CallState.WITHDRAWN

    @rule(seconds=st.sampled_from([0.0, 5.0, 50.0]), look=st.booleans())
    def time_passes(self, seconds: float, *, look: bool) -> None:
        """And a clerk may look what is due."""
        self.run(self.clock.advance(seconds))
        due = self.run(self.database.book.due(self.clock.now()))
        assert {record.call_id for record in due} == {known.call.call_id for known in self.known if self.is_due(known)}
        for record in due if look else ():
            self.run(self.database.book.decide(record.call_id, Decision(verdict=Verdict.EXPIRE, by="clerk")))
            next(known for known in self.known if known.call.call_id == record.call_id).state = CallState.EXPIRED

    @rule(known=calls)
    def begin(self, known: Known) -> None:
        """A process wants to carry the call out: the next gate, or the intent."""
        if known.state is CallState.READY and known.people and not known.agreed:
            asked = Ask(reason="why", people=known.people, within=known.within)
            self.run(self.database.ledger.propose(known.as_decided, asked, "approval"))
            known.state, known.expires = CallState.AWAITING_APPROVAL, self.end_of(known.within)
            return
        call = known.as_decided if known.as_decided.decided else replace(known.call, approved=True)
        told = self.run(self.database.ledger.intend(call))
        assert (told is None) == (known.state is CallState.READY)
        if told is None:
            assert len(set(known.agreed)) >= known.people, "nothing runs without the decisions that it needs"
            known.state, known.runs = CallState.RUNNING, known.runs + 1

    @rule(
        known=calls,
        outcome=st.sampled_from(
            [Done(output="ok"), Failed(kind=FailureKind.REJECTED, message="no"), Unknown(message="lost")]
        ),
    )
    def end(self, known: Known, outcome: Outcome) -> None:
        """A running call ends."""
        if known.state is not CallState.RUNNING:
            return
        self.run(self.database.ledger.record(known.as_decided, result_of(known.call, outcome), news=True))
        known.state = state_of(outcome)
        if known.state is CallState.DONE:
            self.forget_unknown(known)

    @rule(known=calls)
    def deny(self, known: Known) -> None:
        """A process, perhaps a late one, finds that policy objects by now."""
        if not known.as_decided.decided:
            return
        denied = Failed(kind=FailureKind.DENIED, message="closed")
        self.run(self.database.ledger.record(known.as_decided, result_of(known.call, denied, attempts=0), news=True))
        if known.state is CallState.READY:
            known.state = CallState.DENIED

    @rule(known=calls, happened=st.booleans())
    def settle(self, known: Known, *, happened: bool) -> None:
        """A person has found out what became of it."""
        outcome = Done(output="seen") if happened else Failed(kind=FailureKind.RETRYABLE, message="not seen")
        settling = self.database.book.settle(known.call.call_id, outcome, among={CallState.UNKNOWN}, by="dana")
        if known.state is not CallState.UNKNOWN:
            with pytest.raises(known.too_late):
                self.run(settling)
        elif happened and self.holder(known.call, beside=known, unknown=False):
            with pytest.raises(DecisionError, match="another call with its key"):
                self.run(settling)
        else:
            self.run(settling)
            known.state = CallState.DONE if happened else CallState.FAILED

    @rule(known=calls)
    def undo(self, known: Known) -> None:
        """What was done is undone, and the key is free."""
        if known.state is CallState.DONE and known.call.key:
            self.run(self.database.ledger.undo(known.call.key, by=known.call.call_id))
            known.state = CallState.UNDONE

    @invariant()
    def the_ledger_says_what_must_be(self) -> None:
        """The states, the agreements, and one live call a key."""
        records = {record.call_id: record for record in self.run(self.database.book.calls())}
        assert {id_: record.state for id_, record in records.items()} == {
            known.call.call_id: known.state for known in self.known
        }
        assert all(list(records[known.call.call_id].agreed) == known.agreed for known in self.known)
        live = [record.key for record in records.values() if record.state in HOLDING - {CallState.UNKNOWN}]
        assert len(live) == len(set(live))
        assert all(known.runs <= 1 for known in self.known)

    def decides(
        self,
        known: Known,
        verdict: Verdict,
        *,
        wanted: frozenset[CallState] | set[CallState],
        by: str = "customer",
        refused: type[DecisionError] | None = None,
        edit: Edit | None = None,
    ) -> bool:
        """Decide, and tell whether it counts; else the error is the right one."""
        decision = Decision(verdict=verdict, by=by, arguments=edit.arguments if edit else None)
        deciding = self.database.book.decide(known.call.call_id, decision, edit=edit)
        error = self.error_of(known, wanted) or refused
        if error is None:
            self.run(deciding)
            return True
        with pytest.raises(DecisionError) as raised:
            self.run(deciding)
        assert type(raised.value) is error
        return False

    def error_of(self, known: Known, wanted: frozenset[CallState] | set[CallState]) -> type[DecisionError] | None:
        if self.is_due(known):
            known.state = CallState.EXPIRED
            return RequestExpiredError
        if known.state in wanted:
            return None
        if known.state is CallState.PROPOSED:
            return DecisionError
        return known.too_late

    def bound(self, order: str, amount: int) -> ToolCall:
        self.asked = getattr(self, "asked", 0) + 1
        origin = Origin(thread_id="t", run_id="r", batch=str(self.asked))
        found = bind(Toolbox([pay]), ask(pay, order_id=order, amount=amount), origin, 0)
        assert isinstance(found, ToolCall)
        return found

    def holder(self, call: ToolCall, *, beside: Known | None = None, unknown: bool = True) -> Known | None:
        """Return the call that holds the key; one whose outcome is unknown only where nobody else does."""
        held = [each for each in self.known if each is not beside and each.call.key == call.key]
        live = [each for each in held if each.state in HOLDING - {CallState.UNKNOWN}]
        doubtful = [each for each in held if each.state is CallState.UNKNOWN] if unknown else []
        return next(iter([*live, *reversed(doubtful)]), None)

    def forget_unknown(self, done: Known) -> None:
        for each in self.known:
            if each is not done and each.call.key == done.call.key and each.state is CallState.UNKNOWN:
                each.state = CallState.FAILED

    def end_of(self, within: float | None) -> float | None:
        return None if within is None else self.clock.monotonic() + within

    def is_due(self, known: Known) -> bool:
        return known.state in WAITING and known.expires is not None and known.expires <= self.clock.monotonic()


def result_of(call: ToolCall, outcome: Outcome, *, attempts: int = 1) -> CallResult:
    return CallResult(call_id=call.call_id, request=call.request, outcome=outcome, attempts=attempts)


def settled(outcome: Outcome, first: Known, call: ToolCall) -> bool:
    """Whether this is what a call hears whose key another one holds."""
    if first.call.fingerprint != call.fingerprint:
        return isinstance(outcome, Failed) and outcome.kind is FailureKind.REJECTED
    match first.state:
        case CallState.DONE:
            return isinstance(outcome, Done) and outcome.replayed
        case CallState.RUNNING:
            return isinstance(outcome, Failed) and outcome.kind is FailureKind.RETRYABLE
        case _:
            return isinstance(outcome, Pending) and outcome.call_id == first.call.call_id


TestDecisions = Decisions.TestCase
TestDecisions.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
