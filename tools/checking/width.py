"""Hints on declarations that are wider than need be, and on what the calls to try leave unchecked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trunkline.tools.access import ANYTHING
from trunkline.tools.checking.advice import named_in
from trunkline.tools.checking.alone import Solo
from trunkline.tools.checking.finding import Finding, FindingKind
from trunkline.tools.checking.pairs import disturbance
from trunkline.tools.checking.stage import Stage
from trunkline.tools.effect import Effect
from trunkline.tools.tool import Tool


async def too_wide(stage: Stage, tool: Tool, solos: Sequence[Solo]) -> Finding | None:
    """Return a hint on a tool that names nothing and could run beside every other call; None if it could not."""
    own = [solo for solo in solos if solo.call.tool.name == tool.name and solo.done]
    if not own or tool.effect is Effect.IRREVERSIBLE or not _touches_all(own[0]):
        return None
    others = [solo for solo in solos if solo.call.tool.name != tool.name]
    for solo in own:
        for other in others:
            if await disturbance(stage, (solo, other), freed=tool.name):
                return None
    return _hint(own[0])


def untried(tools: Sequence[Tool], solos: Sequence[Solo]) -> Iterator[Finding]:
    """Return hints on tools of which no call did anything, and on effects that the state does not show."""
    for tool in tools:
        own = [solo for solo in solos if solo.call.tool.name == tool.name]
        if not own:
            yield _untried(tool, "none of the calls is one of it, so it was not checked")
        elif not any(solo.done for solo in own):
            yield _untried(tool, f"all calls of it are refused alone, like: {_refusal(own[0])}")
        elif not tool.effect.is_read and not any(solo.changes for solo in own):
            what = "changes nothing that the state shows, so only answers were compared"
            yield own[0].found(FindingKind.UNSEEN, what, "let state= return what it changes")


def _untried(tool: Tool, what: str) -> Finding:
    fix = "add a call that succeeds on a fresh world to calls="
    return Finding(kind=FindingKind.UNTRIED, tools=(tool.name,), calls=(), what=what, fix=fix)


def _refusal(solo: Solo) -> str:
    return str(getattr(solo.ending.outcome, "message", ""))


def _touches_all(solo: Solo) -> bool:
    return ANYTHING in solo.call.access.reads | solo.call.access.writes


def _hint(solo: Solo) -> Finding:
    if solo.call.tool.effect.is_read:
        what = "names nothing in reads=, so it waits for every write; it saw none of those that were tried"
        return solo.found(
            FindingKind.TOO_WIDE, what, "name what it reads in reads=, or reads=() for what never changes"
        )
    names = sorted({named_in(change.path, solo.call) for change in solo.changes})
    what = "names nothing in writes=, so every other call waits for it; none that was tried need do so"
    return solo.found(FindingKind.TOO_WIDE, what, f"name what it changes: writes={names or '()'}")
