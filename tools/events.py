"""What happens to the calls of a turn, told as it happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trunkline.tools.call import CallId
from trunkline.tools.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallStarted:
    """A call got its slot and runs."""

    call_id: CallId
    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallRetried:
    """An attempt gave no answer; another follows."""

    call_id: CallId
    tool: str
    attempt: int
    """The number of the attempt that gave none; the first is 1."""

    why: str
    seconds: float
    """How long until the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallFinished:
    """A call ended, or was settled without running."""

    call_id: CallId
    tool: str
    outcome: Outcome
    seconds: float
