"""What a call does alone on a fresh world, and what can be wrong with that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from trunkline.tools.call import ToolCall
from trunkline.tools.checking.difference import Difference, shown
from trunkline.tools.checking.ending import Ending
from trunkline.tools.checking.finding import Finding, FindingKind, written
from trunkline.tools.checking.stage import Stage
from trunkline.tools.effect import Effect
from trunkline.tools.outcome import Done, Failed, FailureKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Solo:
    """A call that ran alone, and what it changed."""

    call: ToolCall
    ending: Ending
    changes: Sequence[Difference]

    @property
    def done(self) -> bool:
        """Whether it was not refused."""
        return isinstance(self.ending.outcome, Done)

    @property
    def steps(self) -> int:
        """How many steps it took."""
        return self.ending.steps[0]

    def found(self, kind: FindingKind, what: str, fix: str) -> Finding:
        """Return a finding on this call."""
        return Finding(kind=kind, tools=(self.call.tool.name,), calls=(written(self.call),), what=what, fix=fix)


async def run_alone(stage: Stage, call: ToolCall) -> Solo:
    """Run the call on a fresh world."""
    ending = await stage.one_by_one([call])
    return Solo(call=call, ending=ending, changes=ending.changes_of(stage.initial))


async def fault_of(stage: Stage, solo: Solo) -> Finding | None:
    """Return what keeps the call from being tried beside others, or None."""
    match solo.ending.outcome:
        case Done() | Failed(kind=FailureKind.REJECTED | FailureKind.DENIED):
            pass
        case outcome:
            said = getattr(outcome, "message", str(outcome))
            fix = "mend it, or give the call a world in which it can be answered"
            return solo.found(FindingKind.BROKEN, f"gives no answer: {said}", fix)
    again = await stage.one_by_one([solo.call])
    if differing := solo.ending.first_difference(again):
        fix = "pass in its clock and ids, or name the field in ignore="
        what = f"two runs on equal worlds differ: {differing}"
        return solo.found(FindingKind.NOT_REPEATABLE, what, fix)
    if solo.call.tool.effect.is_read and solo.changes:
        what = f'declares effect="read" and changes {_told(solo.changes[0])}'
        return solo.found(FindingKind.READ_CHANGES, what, 'declare effect="write" with key= and writes=')
    return None


async def fault_of_key(stage: Stage, solo: Solo) -> Finding | None:
    """Return what goes wrong when the call is made again with its key, as after a lost answer; or None."""
    if solo.call.tool.effect is not Effect.WRITE or not solo.done:
        return None
    twice = await stage.one_by_one([solo.call], times=2)
    if differing := next(iter(twice.changes_of(solo.ending.state)), None):
        what = f"run again with its key {solo.call.key!r}, it changes {_told(differing)}"
        fix = 'pass current_call().key on to the other side, or declare effect="write_once"'
        return solo.found(FindingKind.KEY_REPEATS, what, fix)
    if differing := next(solo.ending.other_answers(twice), None):
        what = f"run again with its key {solo.call.key!r}, {differing}"
        fix = "let the other side keep its first answer under current_call().key"
        return solo.found(FindingKind.KEY_ANSWERS, what, fix)
    return None


def shared_keys(solos: Sequence[Solo]) -> Iterator[Finding]:
    """Return the pairs of calls that name two effects by one key."""
    keyed = [solo for solo in solos if solo.call.key is not None and solo.done]
    for one, other in combinations(keyed, 2):
        if one.call.key == other.call.key:
            yield _shared(one, other)


def _shared(one: Solo, other: Solo) -> Finding:
    paths, others = ({change.path for change in solo.changes} for solo in (one, other))
    different = paths - others and others - paths
    tools = tuple(dict.fromkeys([one.call.tool.name, other.call.tool.name]))
    if different:
        where = " and ".join(".".join(min(each)) for each in (paths - others, others - paths))
        what = f"one key {one.call.key!r} for two effects, on {where}: the second is refused"
    else:
        what = f"one key {one.call.key!r} for two calls: the second is refused"
    return Finding(
        kind=FindingKind.KEY_SHARED if different else FindingKind.KEY_REFUSES,
        tools=tools,
        calls=(written(one.call), written(other.call)),
        what=what,
        fix=_better_key(one.call, other.call),
    )


def _better_key(one: ToolCall, other: ToolCall) -> str:
    if one.tool.name != other.tool.name:
        return f"begin each key with the tool's own word, like {one.tool.name}:… and {other.tool.name}:…"
    differing = [name for name, value in one.arguments.items() if value != other.arguments[name]]
    return f"add what tells them apart to key=: {', '.join(f'{{{name}}}' for name in differing)}"


def _told(change: Difference) -> str:
    return f"{change.where or 'the state'} from {shown(change.expected)} to {shown(change.got)}"
