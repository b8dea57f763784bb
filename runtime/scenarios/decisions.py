"""What people decide in a scenario, and what they are answered."""

from __future__ import annotations

from trunkline.errors import DecisionError
from trunkline.runtime.calls.desk import Decided
from trunkline.runtime.line import Trunkline
from trunkline.runtime.scenarios.steps import (
    Approve,
    Compensate,
    Confirm,
    Decision,
    Decline,
    Reject,
    Settle,
    Withdraw,
)
from trunkline.runtime.scenarios.words import Named
from trunkline.tools.outcome import Failed, Unknown


async def decide(line: Trunkline, thread: str, step: Decision, *, place: str) -> list[str]:
    """Decide on the newest call that the step names, and return what was not as expected."""
    named = _named(step)
    call_id = await _newest(line, thread, named)
    if call_id is None:
        return [f"{place}: there is no call {named} to decide on"]
    answer, why = await _answered(line, call_id, step)
    faults = [f"{place}: expected {step.answers}, got {answer}: {why}"] if step.answers not in {None, answer} else []
    if step.answers is None and answer[0].isdigit():
        faults = [f"{place}: expected a decision, got {answer}: {why}"]
    if step.because not in why:
        faults.append(f"{place}: expected because {step.because!r}, got {why!r}")
    return faults


async def _answered(line: Trunkline, call_id: str, step: Decision) -> tuple[str, str]:
    """Return what the one who decides is told, and why."""
    try:
        decided = await _decided(line, call_id, step)
    except DecisionError as refusal:
        return f"{refusal.status} {refusal.state}", str(refusal)
    match decided.outcome:
        case Failed(message=message) | Unknown(message=message):
            return decided.state.value, message
        case _:
            return decided.state.value, ""


def _named(step: Decision) -> Named:
    match step:
        case Approve(approve=call) | Reject(reject=call) | Withdraw(withdraw=call) | Confirm(confirm=call):
            return call
        case Decline(decline=call) | Settle(settle=call) | Compensate(compensate=call):
            return call
        case _:
            raise TypeError(step)


async def _newest(line: Trunkline, thread: str, named: Named) -> str | None:
    records = await line.calls(thread=thread)
    found = [record.call_id for record in records if named.matches(record.tool, record.arguments)]
    return found[-1] if found else None


async def _decided(line: Trunkline, call_id: str, step: Decision) -> Decided:
    match step:
        case Approve():
            return await line.approve(call_id, by=step.by, arguments=step.arguments, note=step.note)
        case Reject():
            return await line.reject(call_id, by=step.by, reason=step.reason, note=step.note)
        case Withdraw():
            return await line.withdraw(call_id, by=step.by, reason=step.reason)
        case Confirm():
            return await line.confirm(call_id, by=step.by)
        case Decline():
            return await line.decline(call_id, by=step.by)
        case Settle():
            return await line.settle(call_id, by=step.by, happened=step.happened, output=step.output)
        case Compensate():
            return await line.compensate(call_id, by=step.by)
        case _:
            raise TypeError(step)
