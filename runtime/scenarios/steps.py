"""The steps of a scenario: turns, decisions, time that passes, and what happens in the world meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Tag, field_validator

from trunkline.runtime.scenarios.expectations import OfAll, OfTurn
from trunkline.runtime.scenarios.words import Call, Seconds, Words


class Answer(Words):
    """What the model answers when it is asked: words, calls, or both."""

    say: str = ""
    calls: Sequence[Call] = ()
    sees: Sequence[str] = ()
    """Texts that must be in what the model reads since it last answered."""

    sees_not: Sequence[str] = ()


def _answer(written: Any) -> Any:
    return {"say": written} if isinstance(written, str) else written


class Moment(Words):
    """A moment in a turn: when a request for this operation has reached the systems, when it took effect, or later."""

    asked: str | None = None
    happened: str | None = None
    after: Seconds = 0.0
    """How long after that, or after the beginning of the turn."""


class Meanwhile(Words):
    """What is done while a turn is under way."""

    when: Moment
    do: Sequence[Step]

    @field_validator("do")
    @classmethod
    def _no_turn(cls, steps: Sequence[Step]) -> Sequence[Step]:
        if any(isinstance(step, Turn) for step in steps):
            message = "a turn cannot be within a turn"
            raise ValueError(message)
        return steps


class Turn(Words):
    """The caller says something, or (without `caller`) the agent answers to news; the model answers in turn."""

    caller: str | None = None
    model: Sequence[Annotated[Answer, BeforeValidator(_answer)]]
    resumes: bool = False
    """Whether an interrupted turn goes on where it stopped, instead of a new one."""

    meanwhile: Sequence[Meanwhile] = ()
    expect: OfTurn = OfTurn()


class Interrupt(Words):
    """The caller speaks into the turn, or hangs up: it is cancelled."""

    interrupt: Literal[True]


class Crash(Words):
    """The worker is killed: only what the database holds at this moment remains, and a new worker starts from it."""

    crash: Literal[True]


class Decision(Words):
    """What decisions have in common."""

    by: str
    answers: str | None = None
    """What the one who decides is told: the call's state then, or `409 withdrawn`; left out, any state."""

    because: str = ""
    """A text in what they are told of why."""


class Approve(Decision):
    """A person agrees to a call, perhaps with other arguments."""

    approve: Call
    arguments: Mapping[str, Any] | None = None
    note: str = ""


class Reject(Decision):
    """A person refuses a call. The reason reaches the conversation; the note does not."""

    reject: Call
    reason: str
    note: str = ""


class Withdraw(Decision):
    """The one who asked for a call takes it back."""

    withdraw: Call
    by: str = "customer"
    reason: str = ""


class Confirm(Decision):
    """The customer agrees to a call that was proposed to them."""

    confirm: Call
    by: str = "customer"


class Decline(Decision):
    """The customer does not agree to a call that was proposed to them."""

    decline: Call
    by: str = "customer"


class Settle(Decision):
    """A person has found out what became of a call whose outcome is unknown."""

    settle: Call
    happened: bool
    output: Any = None


class Compensate(Decision):
    """A person has the effect of a call undone."""

    compensate: Call


class Advance(Words):
    """Time passes."""

    advance: Seconds


class World(Words):
    """Something changes through another channel. What can be written is the project's."""

    world: Mapping[str, Any]


class Check(Words):
    """What is expected at this point."""

    expect: OfAll


_KINDS = {
    "interrupt": Interrupt,
    "crash": Crash,
    "approve": Approve,
    "reject": Reject,
    "withdraw": Withdraw,
    "confirm": Confirm,
    "decline": Decline,
    "settle": Settle,
    "compensate": Compensate,
    "advance": Advance,
    "world": World,
    "model": Turn,
    "expect": Check,
}


def _kind(written: Any) -> str | None:
    return next((f"{word} step" for word in _KINDS if isinstance(written, dict) and word in written), None)


Step = Annotated[
    Annotated[Turn, Tag("model step")]
    | Annotated[Interrupt, Tag("interrupt step")]
    | Annotated[Crash, Tag("crash step")]
    | Annotated[Approve, Tag("approve step")]
    | Annotated[Reject, Tag("reject step")]
    | Annotated[Withdraw, Tag("withdraw step")]
    | Annotated[Confirm, Tag("confirm step")]
    | Annotated[Decline, Tag("decline step")]
    | Annotated[Settle, Tag("settle step")]
    | Annotated[Compensate, Tag("compensate step")]
    | Annotated[Advance, Tag("advance step")]
    | Annotated[World, Tag("world step")]
    | Annotated[Check, Tag("expect step")],
    Discriminator(
        _kind,
        custom_error_type="unknown_step",
        custom_error_message=f"expected a turn (with `model`) or one of {', '.join(w for w in _KINDS if w != 'model')}",
    ),
]
"""One step, told by the word that only its kind has."""

Meanwhile.model_rebuild()
Turn.model_rebuild()
