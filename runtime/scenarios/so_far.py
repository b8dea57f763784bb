"""What was done so far in a run of a scenario: in the ledger, in the world, and said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_jsonable_python

from trunkline.runtime.calls.record import CallRecord
from trunkline.runtime.line import Trunkline
from trunkline.runtime.scenarios.sighting import FinalState, SeenAction, SeenTurn
from trunkline.runtime.scenarios.stage import Happened, Stage
from trunkline.tools.canonical import canonical_json
from trunkline.tools.outcome import Failed, Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class SoFar:
    """What was done so far."""

    actions: Sequence[SeenAction]
    """Calls with an effect."""

    reads: Sequence[SeenAction]
    happened: Sequence[Happened]
    asked: Mapping[str, int]
    changed: Mapping[str, Any]
    """Records that are not as at the start, as they are now; None for one that is gone."""

    told: Sequence[str]


async def look(
    line: Trunkline, stage: Stage, thread: str, *, start: Mapping[str, object], turns: Sequence[SeenTurn]
) -> SoFar:
    """Look at everything."""
    records = await line.calls(thread=thread)
    return SoFar(
        actions=[_seen(record) for record in records if not record.effect.is_read],
        reads=[_seen(record) for record in records if record.effect.is_read],
        happened=list(stage.happened()),
        asked=dict(stage.asked()),
        changed=changes(start, stage.state()),
        told=[turn.told for turn in turns],
    )


def changes(start: Mapping[str, object], now: Mapping[str, object]) -> Mapping[str, Any]:
    """Return the records that differ, as they are now; None for one that is gone."""
    names = [*(name for name in now if name not in start or now[name] != start[name]), *(start.keys() - now.keys())]
    return {name: to_jsonable_python(now.get(name)) for name in sorted(names)}


def final_state(seen: SoFar) -> FinalState:
    """Return what must be the same in every run."""
    actions = [to_jsonable_python(action) for action in seen.actions]
    happened = [{"operation": did.operation, "arguments": to_jsonable_python(did.arguments)} for did in seen.happened]
    return FinalState(
        actions=sorted(actions, key=canonical_json),
        happened=sorted(happened, key=canonical_json),
        changed=seen.changed,
        told=seen.told,
    )


def _seen(record: CallRecord) -> SeenAction:
    return SeenAction(
        tool=record.tool,
        arguments=record.arguments,
        state=record.state.value,
        reason=_reason(record),
        decided_by=record.decided_by,
    )


def _reason(record: CallRecord) -> str:
    match record.outcome:
        case Failed(message=message) | Unknown(message=message):
            return message
        case _:
            return record.reason or ""
