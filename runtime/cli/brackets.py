"""Brackets at the left of a waterfall: each holds together the lines of one batch of calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trunkline.runtime.tracing.batches import Batch
from trunkline.runtime.tracing.tree import Branch

CELLS = 2
"""The width of one bracket, with the gap after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """The lines from the first call of a batch to the last, with what hangs below that one."""

    batch: Batch
    first: int
    last: int
    depth: int
    """How deep in the tree its calls hang."""

    def sign_at(self, line: int) -> str:
        """Return the piece of the bracket that stands at the left of this line."""
        if not self.first <= line <= self.last:
            return " "
        return {self.first: "┌", self.last: "└"}.get(line, "│")


class Brackets:
    """The brackets of all batches; those inside of others stand to the right of them."""

    def __init__(self, branches: Sequence[Branch], batches: Sequence[Batch]) -> None:
        self._levels: list[list[Bracket]] = []
        found = sorted((_bracket(branches, batch) for batch in batches), key=lambda each: (each.first, -each.last))
        for bracket in found:
            self._place(bracket)

    @property
    def width(self) -> int:
        """The cells that they take."""
        return CELLS * len(self._levels)

    def left_of(self, line: int) -> str:
        """Return what stands at the left of a line."""
        signs = (_joined(level, line) for level in self._levels)
        return "".join(f"{sign:<{CELLS}}" for sign in signs)

    def below(self, line: int) -> str:
        """Return what stands at the left of a note that is put between a line and the next one."""
        signs = ("│" if _joined(level, line) in {"┌", "│"} else "" for level in self._levels)
        return "".join(f"{sign:<{CELLS}}" for sign in signs)

    def ending_at(self, line: int) -> list[Bracket]:
        """Return the brackets whose last line this is, the innermost first."""
        return [bracket for level in reversed(self._levels) for bracket in level if bracket.last == line]

    def _place(self, bracket: Bracket) -> None:
        for level in self._levels:
            if level[-1].last < bracket.first:
                level.append(bracket)
                return
        self._levels.append([bracket])


def _bracket(branches: Sequence[Branch], batch: Batch) -> Bracket:
    calls = {call.id for call in batch.calls}
    lines = [line for line, branch in enumerate(branches) if branch.span.id in calls]
    first, last, depth = lines[0], lines[-1], branches[lines[-1]].depth
    while last + 1 < len(branches) and branches[last + 1].depth > depth:
        last += 1
    return Bracket(batch=batch, first=first, last=last, depth=depth)


def _joined(level: Sequence[Bracket], line: int) -> str:
    return "".join(bracket.sign_at(line) for bracket in level).strip()
