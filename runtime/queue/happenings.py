"""What happens to a run in the queue, as its event log tells it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWaiting:
    """The run stopped at interrupts, and goes on when somebody answers."""

    interrupts: object
    """LangGraph's `Interrupt` objects, each with its id and value; `NotKept` where this process may not read them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRetried:
    """An attempt failed; another follows."""

    attempt: int
    """The number of the attempt that failed; the first is 1."""

    error: str
    seconds: float
    """How long until the next, at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHandedBack:
    """Its worker stopped at the end of a step; another goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLost:
    """Its worker died with it. Another goes on, or the end of the run follows."""

    worker: str
    crashes: int
    """How many workers have died with it so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSucceeded:
    """The run is over, and its result is in the state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailed:
    """The run is over without a result."""

    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCancelled:
    """The run was stopped. What it finished stays."""

    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDied:
    """The run has taken down so many workers that nobody tries it again by itself."""

    error: str


QueueEvent = RunWaiting | RunRetried | RunHandedBack | WorkerLost | RunSucceeded | RunFailed | RunCancelled | RunDied
