"""What a check found: wrong declarations, and hints on what could be better or was not checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from trunkline.tools.call import ToolCall
from trunkline.tools.checking.difference import shown


class FindingKind(StrEnum):
    """What is wrong, or could be better."""

    READ_CHANGES = "read_changes"
    """Declared a read, and changes the state."""

    KEY_REPEATS = "key_repeats"
    """Run again with its key, it takes effect again."""

    KEY_SHARED = "key_shared"
    """One key names two different effects, so one of them never happens."""

    ORDER_MATTERS = "order_matters"
    """Calls that may run side by side end otherwise than one by one."""

    NOT_REPEATABLE = "not_repeatable"
    """Two runs on equal worlds differ, so nothing can be compared."""

    BROKEN = "broken"
    """A call gives no answer on a fresh world."""

    UNTRIED = "untried"
    """A hint: no call of the tool did anything."""

    UNSEEN = "unseen"
    """A hint: an effect that the state does not show."""

    KEY_ANSWERS = "key_answers"
    """A hint: run again with its key, it does no harm and answers otherwise."""

    KEY_REFUSES = "key_refuses"
    """A hint: two calls that change the same share a key, so the second of them is refused."""

    TOO_WIDE = "too_wide"
    """A hint: it waits for others, or they for it, and need not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found, with the smallest example of it."""

    kind: FindingKind
    tools: tuple[str, ...]
    calls: tuple[str, ...]
    """The example, in the model's order: `refund(order_id="O1")`."""

    what: str
    fix: str

    def __str__(self) -> str:
        example = f"\n  with {', '.join(self.calls)}" if self.calls else ""
        return f"{', '.join(self.tools)}: {self.what}{example}\n  fix: {self.fix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a check found. Printed, it tells in sentences."""

    findings: Sequence[Finding]
    """What is wrong."""

    hints: Sequence[Finding]
    """What could be better, and what was not checked."""

    tools: int
    calls: int
    pairs: int
    """How many pairs of calls that may run side by side were tried."""

    batches: int
    runs: int
    """How many batches were run in all, each on a fresh world."""

    def __str__(self) -> str:
        return "\n".join(map(str, [*self.findings, *self.hints])) or "no wrong declaration was found"


def written(call: ToolCall) -> str:
    """Return the call as code: `refund(order_id="O1", cents=500)`."""
    arguments = ", ".join(f"{name}={shown(value)}" for name, value in call.request.arguments.items())
    return f"{call.tool.name}({arguments})"
