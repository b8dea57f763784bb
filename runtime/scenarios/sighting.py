"""What was seen of a run of a scenario: its turns and calls in virtual time, and the state in which it ended."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from trunkline.tools.canonical import canonical_json


@dataclass(slots=True, kw_only=True)
class SeenCall:
    """One call of a turn, in virtual seconds."""

    tool: str
    arguments: Mapping[str, Any]
    started: float
    ended: float | None = None
    state: str = "running"


@dataclass(slots=True, kw_only=True)
class SeenTurn:
    """One turn, in virtual seconds."""

    place: str
    started: float
    ended: float | None = None
    told: str = ""
    calls: dict[str, SeenCall] = field(default_factory=dict[str, SeenCall])
    """By call id, in the order in which they started."""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended or self.started) - self.started


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAction:
    """A call with an effect, as the ledger has it."""

    tool: str
    arguments: Mapping[str, Any]
    state: str
    reason: str
    """Why it stands so: what policy, a person or a system said."""

    decided_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalState:
    """What remains of a run, without ids, times and orders, which may differ from run to run."""

    actions: Sequence[Mapping[str, Any]]
    happened: Sequence[Mapping[str, Any]]
    changed: Mapping[str, Any]
    told: Sequence[str]

    @property
    def digest(self) -> str:
        """Equal for equal states."""
        return hashlib.sha256(canonical_json(asdict(self)).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One run of a scenario."""

    seed: int
    faults: Sequence[str]
    """What was not as expected, with its place in the file."""

    final: FinalState
    turn_seconds: Sequence[float]
