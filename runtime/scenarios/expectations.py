"""What a scenario expects: of one turn, and of all that was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trunkline.runtime.scenarios.words import Call, Seconds, Words


class StartTogether(Words):
    """Calls that must begin at nearly the same moment."""

    calls: Sequence[Call]
    within: Seconds


class DoneAfterSlowest(Words):
    """How long after the last of these calls the turn may go on."""

    calls: Sequence[Call]
    within: Seconds


class OfTurn(Words):
    """What is expected of one turn."""

    told: Sequence[str] = ()
    """Texts that are in what the caller is told."""

    not_told: Sequence[str] = ()
    at_most: Seconds | None = None
    """The longest that the caller may wait for the answer, in virtual time."""

    start_together: StartTogether | None = None
    done_after_slowest: DoneAfterSlowest | None = None
    side_by_side: Sequence[Call] = ()
    """Calls of which each runs while each other one runs."""

    one_after_another: Sequence[Call] = ()
    """Calls of which each begins when the one before it has ended."""

    ends: Mapping[str, str] = {}
    """By tool: the state in which its calls of this turn end."""


class Action(Words):
    """A call with an effect, as the ledger has it."""

    call: Call
    state: str
    reason: str = ""
    """A text in the reason why it stands so."""

    decided_by: str | None = None


class Never(Words):
    """Something that must not have happened; one field is given."""

    effect: str | None = None
    """An operation of the systems, or a kind of them, like money_out."""

    changed: str | None = None
    """A record."""

    told: str | None = None
    """A text in what the caller was told."""


class OfAll(Words):
    """What is expected of all that was done until now. What is not mentioned is not looked at."""

    actions: Sequence[Action] | None = None
    """Every call with an effect that the ledger has, in any order: no other."""

    effects: Sequence[Call] | None = None
    """Everything that the systems really did, each as often as it is written, in any order: nothing else."""

    changed: Mapping[str, Any] | None = None
    """Every record that is not as it was at the start, with fields of it as they are now; {} when nothing changed."""

    asked: Mapping[str, int] = {}
    """How many requests for these operations reached the systems."""

    reads_completed: Sequence[Call] = ()
    never: Sequence[Never] = ()
    waiting: Sequence[Call] | None = None
    """The calls that wait for a person, exactly."""
