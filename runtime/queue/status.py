"""Where a run stands."""

from __future__ import annotations

from enum import StrEnum


class RunStatus(StrEnum):
    """Where a run stands. `queued → running → succeeded | failed | cancelled | waiting | dead`, and back to `queued`
    after a crash, for another attempt, when its worker is stopped, and when a waiting one is answered.
    """

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    WAITING = "waiting"
    """Stopped at a LangGraph interrupt, until somebody answers."""

    FAILED = "failed"
    CANCELLED = "cancelled"
    DEAD = "dead"
    """It took its worker down with it too often. A dead letter: nobody tries it again by itself."""

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it by itself; a waiting run is not over."""
        return self in _OVER

    @property
    def rests(self) -> bool:
        """Whether nothing happens to it until somebody does something: it is over, or waits for an answer."""
        return self.over or self is RunStatus.WAITING


_OVER = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.DEAD})
