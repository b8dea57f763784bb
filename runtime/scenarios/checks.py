"""Compares what was seen with what a scenario expects, and says what differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

from trunkline.runtime.scenarios.expectations import Action, Never, OfAll, OfTurn
from trunkline.runtime.scenarios.sighting import SeenAction, SeenCall, SeenTurn
from trunkline.runtime.scenarios.so_far import SoFar
from trunkline.runtime.scenarios.stage import Happened
from trunkline.runtime.scenarios.words import Named, contains

WAITING = frozenset({"proposed", "awaiting_approval"})


def faults_of_all(expected: OfAll, seen: SoFar, *, place: str) -> list[str]:
    """Return how all that was done differs from what was expected."""
    return [f"{place}.{fault}" for fault in _all_faults(expected, seen)]


def faults_of_turn(expected: OfTurn, seen: SeenTurn, *, place: str) -> list[str]:
    """Return how a turn differs from what was expected of it."""
    return [f"{place}.{fault}" for fault in [*_word_faults(expected, seen), *_time_faults(expected, seen)]]


def _all_faults(expected: OfAll, seen: SoFar) -> Iterator[str]:
    if expected.actions is not None:
        yield from _action_faults(expected.actions, seen.actions)
    if expected.effects is not None:
        yield from _effect_faults(expected.effects, seen.happened)
    if expected.changed is not None and not _same_changes(expected, seen):
        yield f"changed: expected {dict(expected.changed)}, got {dict(seen.changed)}"
    for operation, times in expected.asked.items():
        if seen.asked.get(operation, 0) != times:
            yield f"asked: expected {operation} {times} times, got {seen.asked.get(operation, 0)}"
    for call in expected.reads_completed:
        if not any(call.matches(read.tool, read.arguments) and read.state == "done" for read in seen.reads):
            yield f"reads_completed: {call} is missing"
    if expected.waiting is not None:
        waiting = [action for action in seen.actions if action.state in WAITING]
        yield from _action_faults([Action(call=call, state="") for call in expected.waiting], waiting, of="waiting")
    for never in expected.never:
        yield from _never_faults(never, seen)


def _action_faults(expected: Sequence[Action], seen: Sequence[SeenAction], *, of: str = "actions") -> Iterator[str]:
    left = list(seen)
    missing: list[Action] = []
    for action in expected:
        found = next((one for one in left if _is(action, one)), None)
        if found:
            left.remove(found)
        else:
            missing.append(action)
    if missing or left:
        yield f"{of}: missing {_said(map(_wanted, missing))}; not expected {_said(map(_shown, left))}"


def _is(expected: Action, seen: SeenAction) -> bool:
    return (
        expected.call.matches(seen.tool, seen.arguments)
        and expected.state in {"", seen.state}
        and expected.reason in seen.reason
        and (expected.decided_by is None or expected.decided_by == seen.decided_by)
    )


def _wanted(action: Action) -> str:
    return f"{action.call} {action.state}{f' ({action.reason})' if action.reason else ''}".strip()


def _shown(action: SeenAction) -> str:
    reason = f" ({action.reason})" if action.reason else ""
    return f"{Named(tool=action.tool, arguments=action.arguments)} {action.state}{reason}"


def _effect_faults(expected: Sequence[Named], seen: Sequence[Happened]) -> Iterator[str]:
    left = list(seen)
    missing: list[Named] = []
    for effect in expected:
        found = next((one for one in left if effect.matches(one.operation, one.arguments)), None)
        if found:
            left.remove(found)
        else:
            missing.append(effect)
    if missing or left:
        extra = (str(Named(tool=one.operation, arguments=one.arguments)) for one in left)
        yield f"effects: missing {_said(map(str, missing))}; not expected {_said(extra)}"


def _same_changes(expected: OfAll, seen: SoFar) -> bool:
    changed = expected.changed or {}
    return changed.keys() == seen.changed.keys() and contains(seen.changed, changed)


def _never_faults(never: Never, seen: SoFar) -> Iterator[str]:
    for did in seen.happened:
        if never.effect and never.effect in {did.operation, *did.kinds}:
            yield f"never: {never.effect} happened: {Named(tool=did.operation, arguments=did.arguments)}"
    if never.changed and never.changed in seen.changed:
        yield f"never: {never.changed} is now {seen.changed[never.changed]}"
    for told in seen.told:
        if never.told and never.told in told:
            yield f"never: the caller was told {told!r}"


def _word_faults(expected: OfTurn, seen: SeenTurn) -> Iterator[str]:
    for text in expected.told:
        if text not in seen.told:
            yield f"told: {text!r} is missing in {seen.told!r}"
    for text in expected.not_told:
        if text in seen.told:
            yield f"not_told: {text!r} is in {seen.told!r}"
    for tool, state in expected.ends.items():
        states = [call.state for call in seen.calls.values() if call.tool == tool]
        if not states or set(states) != {state}:
            yield f"ends: expected {tool} {state}, got {_said(states)}"


def _time_faults(expected: OfTurn, seen: SeenTurn) -> Iterator[str]:
    if expected.at_most is not None and seen.seconds > expected.at_most:
        yield f"at_most: expected {_ms(expected.at_most)}, got {_ms(seen.seconds)}"
    if expected.start_together:
        starts = [call.started for call in _named(expected.start_together.calls, seen)]
        if (
            len(starts) < len(expected.start_together.calls)
            or max(starts) - min(starts) > expected.start_together.within
        ):
            yield f"start_together: they started at {_said(_ms(start - seen.started) for start in starts)}"
    if expected.done_after_slowest:
        ends = [call.ended or call.started for call in _named(expected.done_after_slowest.calls, seen)]
        after = (seen.ended or seen.started) - max(ends, default=seen.started)
        if not ends or after > expected.done_after_slowest.within:
            yield f"done_after_slowest: the turn ended {_ms(after)} after the slowest"
    yield from _order_faults(expected, seen)


def _order_faults(expected: OfTurn, seen: SeenTurn) -> Iterator[str]:
    together = _named(expected.side_by_side, seen)
    if len(together) < len(expected.side_by_side):
        yield f"side_by_side: ran only {_said(call.tool for call in together)}"
    for one, other in combinations(together, 2):
        if max(one.started, other.started) >= min(_end(one), _end(other)):
            yield f"side_by_side: {one.tool} and {other.tool} did not run at the same time"
    ordered = _named(expected.one_after_another, seen)
    if len(ordered) < len(expected.one_after_another):
        yield f"one_after_another: ran only {_said(call.tool for call in ordered)}"
    for before, after in pairwise(ordered):
        if _end(before) > after.started:
            early = _ms(_end(before) - after.started)
            yield f"one_after_another: {after.tool} began {early} before {before.tool} ended"


def _named(calls: Sequence[Named], seen: SeenTurn) -> list[SeenCall]:
    found = (
        next((one for one in seen.calls.values() if call.matches(one.tool, one.arguments)), None) for call in calls
    )
    return [call for call in found if call]


def _end(call: SeenCall) -> float:
    return float("inf") if call.ended is None else call.ended


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _said(items: Iterator[str] | Sequence[str] | map[str]) -> str:
    return ", ".join(items) or "nothing"
