"""The scripted resolver: look up, verify, propose, change, confirm; each step when the one before it is done."""

from __future__ import annotations

from collections.abc import Sequence

from trunkline.agents import ScriptedCall, Step, call
from trunkline.examples.call_center.script.matter import Change, Matter, matter
from trunkline.examples.call_center.script.reading import Reading, Result

TRIES = 3


def resolve(reading: Reading) -> Step:
    """Return the next thing that the resolver says or asks for."""
    if reading.goodbye:
        return "Thank you for calling Larkfield Home. Goodbye!"
    wanted = matter(reading)
    if calls := _to_make(reading, wanted.lookups):
        return calls
    if not wanted.changes:
        return wanted.say if wanted.say.endswith("?") else f"{wanted.say} Is there anything else?"
    if refusal := _unverified(reading, wanted):
        return refusal
    if not reading.confirmed:
        return _proposal(wanted)
    if calls := _to_make(reading, [change.call for change in wanted.changes]):
        return calls
    if calls := _to_make(reading, _messages(reading, wanted.changes)):
        return calls
    return _report(reading, wanted)


def _to_make(reading: Reading, calls: Sequence[ScriptedCall]) -> list[ScriptedCall]:
    """Those calls that were not made yet, or whose result says that they may be made again."""
    return [asked for asked in calls if _is_open(reading, asked)]


def _is_open(reading: Reading, asked: ScriptedCall) -> bool:
    result = reading.last(asked)
    return result is None or (result.may_repeat and reading.tries(asked) < TRIES)


def _unverified(reading: Reading, wanted: Matter) -> Step | None:
    verify = call("verify_customer", customer_id=reading.customer_id, **reading.proof)
    if not reading.proof:
        return f"{wanted.say} For this I need to know that it is you: your zip code and your PIN, please.".strip()
    if _is_open(reading, verify):
        return [verify]
    verified = reading.last(verify)
    level = verified.output["level"] if verified and verified.done else 0
    return None if level >= 2 else "I am afraid that does not match our records. A colleague will call you back."


def _proposal(wanted: Matter) -> str:
    return f"{wanted.say} {' and '.join(change.proposal for change in wanted.changes)}. Shall I do that?".strip()


def _messages(reading: Reading, changes: Sequence[Change]) -> list[ScriptedCall]:
    """The mails that confirm what was really done."""
    return [change.message for change in changes if change.message and _done(reading.last(change.call))]


def _done(result: Result | None) -> bool:
    return result is not None and result.done


def _report(reading: Reading, wanted: Matter) -> str:
    told = [_told(change, reading.last(change.call)) for change in wanted.changes]
    return " ".join([wanted.say, *told, "Is there anything else?"]).strip()


def _told(change: Change, result: Result | None) -> str:
    what = change.proposal.removeprefix("I am sorry. ").removeprefix("I can ")
    if result is None or result.done:
        return f"Done: {what}."
    if result.pending:
        return f"A colleague has to agree first ({what}); you will hear from us."
    if result.error in {"rejected", "denied"}:
        return f"I cannot do that: {result.message}."
    return f"I could not find out whether that worked ({what}); a colleague will look and tell you."
